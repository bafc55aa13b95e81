"""The keys of a soak run: one of each role signs, and their files change as docs/security.md has it for a rotation."""

import shutil
from pathlib import Path

from connectors.kafka.clients import KafkaSettings
from connectors.signing.keys import ROLES, generate
from connectors.signing.signatures import Role

VALID_S = 30
"""How long orders and acks are valid. Old keys are removed this long after the last use."""


class Keys:
    """A folder with `ROLE.key`, by which a role signs now, `ROLE-N.key`, and `verify.keys`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._newest = 0
        self._verify = folder / "verify.keys"
        self._verify.touch()
        self.trust_new()
        self.use_new()

    def trust_new(self) -> None:
        """Step 1: generate keys, and trust them besides the ones before."""
        self._newest += 1
        with self._verify.open("ab") as trusted:
            for role in ROLES:
                signing, verifying = generate("ed25519", f"{role}-{self._newest}", frozenset({role}))
                self._numbered(role, self._newest).write_bytes(signing.line())
                trusted.write(verifying.line())

    def use_new(self) -> None:
        """Step 2: sign with the new ones."""
        for role in ROLES:
            shutil.copyfile(self._numbered(role, self._newest), self._signing(role))

    def remove_old(self) -> None:
        """Step 3: trust the new ones only."""
        lines = self._verify.read_bytes().splitlines(keepends=True)
        self._verify.write_bytes(b"".join(lines[-len(ROLES) :]))

    def variables(self, role: Role) -> dict[str, str]:
        """The variables of a process that signs in this role."""
        return {
            "SLUICEGATE_SIGNING_KEY_FILE": str(self._signing(role)),
            "SLUICEGATE_VERIFY_KEYS_FILE": str(self._verify),
            "SLUICEGATE_SIGNATURE_VALID_MS": str(VALID_S * 1000),
        }

    def operator(self, settings: KafkaSettings, number: int | None = None) -> KafkaSettings:
        """The settings of an operator, with the present key or the one of this number."""
        key = self._signing("operator") if number is None else self._numbered("operator", number)
        return settings.model_copy(
            update={
                "signing_key_file": key,
                "verify_keys_file": self._verify,
                "signature_valid_ms": VALID_S * 1000,
            }
        )

    def _signing(self, role: Role) -> Path:
        return self._folder / f"{role}.key"

    def _numbered(self, role: Role, number: int) -> Path:
        return self._folder / f"{role}-{number}.key"
