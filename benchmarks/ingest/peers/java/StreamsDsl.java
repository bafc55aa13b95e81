import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.kstream.Suppressed;
import org.apache.kafka.streams.kstream.TimeWindows;
import org.apache.kafka.streams.processor.api.ContextualFixedKeyProcessor;
import org.apache.kafka.streams.processor.api.FixedKeyRecord;
import org.apache.kafka.streams.state.WindowStore;

/** Kafka Streams, by its DSL: windows in a cached store in memory, with a changelog; their results go to a topic. */
public class StreamsDsl {
    private static final Serde<Cell> CELLS =
        Serdes.serdeFrom((topic, cell) -> cell == null ? null : cell.toBytes(),
            (topic, bytes) -> bytes == null ? null : Cell.fromBytes(bytes));
    private static final Serde<Event> NO_EVENTS = Serdes.serdeFrom((topic, event) -> null, (topic, bytes) -> null);

    public static void main(String[] arguments) throws Exception {
        Passes.run(Task.given(arguments[0]), Duration.ofSeconds(1), StreamsDsl::topology);
    }

    private static StreamsBuilder topology(Task task, CountDownLatch done) {
        StreamsBuilder builder = new StreamsBuilder();
        builder.stream(task.topic, Consumed.with(Serdes.String(), Serdes.ByteArray()))
            .processValues(() -> new Decoder(task.per_message))
            .groupByKey(Grouped.with(Serdes.String(), NO_EVENTS))
            .windowedBy(TimeWindows.ofSizeWithNoGrace(Duration.ofMillis(Task.WINDOW_MS)))
            .aggregate(Cell::new, (pair, event, cell) -> count(event, cell, done),
                Materialized.<String, Cell, WindowStore<Bytes, byte[]>>as("cells")
                    .withKeySerde(Serdes.String()).withValueSerde(CELLS)
                    .withStoreType(Materialized.StoreType.IN_MEMORY)
                    .withCachingEnabled().withRetention(Duration.ofSeconds(60)))
            .suppress(Suppressed.untilWindowCloses(Suppressed.BufferConfig.unbounded()))
            .toStream((window, cell) -> window.key() + "@" + window.window().start())
            .mapValues(Cell::summary)
            .to(task.output, Produced.with(Serdes.String(), Serdes.String()));
        return builder;
    }

    private static Cell count(Event event, Cell cell, CountDownLatch done) {
        cell.add(event);
        if (Task.counted()) {
            done.countDown();
        }
        return cell;
    }

    /** Events of a message, each with its own time; the key stays, so nothing has to be shuffled. */
    private static class Decoder extends ContextualFixedKeyProcessor<String, byte[], Event> {
        private final int perMessage;

        Decoder(int perMessage) {
            this.perMessage = perMessage;
        }

        @Override
        public void process(FixedKeyRecord<String, byte[]> message) {
            Task.arrived();
            if (perMessage == 1) {
                forward(message, Event.readOne(message.value()));
            } else {
                Event.read(message.value()).forEach(event -> forward(message, event));
            }
        }

        private void forward(FixedKeyRecord<String, byte[]> message, Event event) {
            context().forward(message.withValue(event).withTimestamp(event.ts));
        }
    }
}
