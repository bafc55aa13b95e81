import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.processor.PunctuationType;
import org.apache.kafka.streams.processor.api.ContextualProcessor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.ProcessorSupplier;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.StoreBuilder;
import org.apache.kafka.streams.state.Stores;

/**
 * Kafka Streams, by its Processor API: open windows are objects on the heap, and every second those that changed go to a
 * logged store, and then the offsets are committed. So an event costs no serialization, and none is lost in a crash.
 */
public class StreamsProcessor {
    private static final Duration COMMIT = Duration.ofSeconds(1);
    private static final String STORE = "cells";

    public static void main(String[] arguments) throws Exception {
        Passes.run(Task.given(arguments[0]), Duration.ofHours(1), StreamsProcessor::topology);
    }

    private static StreamsBuilder topology(Task task, CountDownLatch done) {
        StreamsBuilder builder = new StreamsBuilder();
        builder.stream(task.topic, Consumed.with(Serdes.String(), Serdes.ByteArray()))
            .process(new Supplier(task, done))
            .to(task.output, Produced.with(Serdes.String(), Serdes.String()));
        return builder;
    }

    private record Supplier(Task task, CountDownLatch done)
        implements ProcessorSupplier<String, byte[], String, String> {
        @Override
        public Count get() {
            return new Count(task, done);
        }

        @Override
        public Set<StoreBuilder<?>> stores() {
            return Set.of(Stores.keyValueStoreBuilder(
                Stores.inMemoryKeyValueStore(STORE), Serdes.String(), Serdes.ByteArray()));
        }
    }

    private static class Count extends ContextualProcessor<String, byte[], String, String> {
        private final Task task;
        private final CountDownLatch done;
        private final NavigableMap<Long, Map<String, Cell>> windows = new TreeMap<>();
        private KeyValueStore<String, byte[]> store;
        private long newest;

        Count(Task task, CountDownLatch done) {
            this.task = task;
            this.done = done;
        }

        @Override
        public void init(ProcessorContext<String, String> context) {
            super.init(context);
            store = context.getStateStore(STORE);
            context.schedule(COMMIT, PunctuationType.WALL_CLOCK_TIME, now -> save());
        }

        @Override
        public void process(Record<String, byte[]> message) {
            Task.arrived();
            if (task.per_message == 1) {
                add(message.key(), Event.readOne(message.value()));
            } else {
                Event.read(message.value()).forEach(event -> add(message.key(), event));
            }
        }

        private void add(String pair, Event event) {
            long start = event.ts - event.ts % Task.WINDOW_MS;
            if (start > newest) {
                newest = start;
                windows.headMap(start).forEach(this::close);
                windows.headMap(start).clear();
            }
            if (start == newest) { // what is later is late: no grace
                Cell cell = windows.computeIfAbsent(start, any -> new HashMap<>())
                    .computeIfAbsent(pair, any -> new Cell());
                cell.changed = true;
                cell.add(event);
            }
            if (Task.counted()) {
                save();
                done.countDown();
            }
        }

        private void close(long start, Map<String, Cell> cells) {
            cells.forEach((pair, cell) -> {
                context().forward(new Record<>(pair + "@" + start, cell.summary(), start));
                store.delete(pair + "@" + start);
            });
        }

        private void save() {
            windows.forEach((start, cells) -> cells.forEach((pair, cell) -> {
                if (cell.changed) {
                    store.put(pair + "@" + start, cell.toBytes());
                    cell.changed = false;
                }
            }));
            context().commit();
        }
    }
}
