"""A TCP proxy in front of a broker that can let pass, stall, delay, cut and refuse."""

import asyncio
import contextlib
from types import TracebackType
from typing import Self


class Proxy:
    """Forwards a loopback port to another while `open` is set; `delay_s` is added to every packet."""

    def __init__(self, port: int, target: int) -> None:
        self.delay_s = 0.0
        self.open = asyncio.Event()
        self.open.set()
        self.refusing = False
        self.address = f"127.0.0.1:{port}"
        self._port, self._target = port, target
        self._writers: set[asyncio.StreamWriter] = set()
        self._serving: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        self.open.set()
        self.reset()
        await asyncio.gather(*self._serving, return_exceptions=True)

    def reset(self) -> None:
        """Cut all connections."""
        for writer in list(self._writers):
            if writer.transport is not None:
                writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.refusing:
            writer.transport.abort()
            return
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            return
        serving = asyncio.current_task()
        assert serving is not None
        self._serving.add(serving)
        self._writers |= {writer, back}
        try:
            await self._forward(reader, back, there, writer)
        finally:
            self._writers -= {writer, back}
            self._serving.discard(serving)

    async def _forward(
        self,
        reader: asyncio.StreamReader,
        back: asyncio.StreamWriter,
        there: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        """Carry what the client sends to the broker, and what the broker answers back."""
        await asyncio.gather(self._pump(reader, back), self._pump(there, writer))

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(65_536):
                await self.open.wait()
                if self.delay_s:
                    await asyncio.sleep(self.delay_s)
                sink.write(data)
                await sink.drain()
        with contextlib.suppress(OSError, RuntimeError):
            sink.transport.abort()
