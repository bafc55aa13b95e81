import java.util.concurrent.CountDownLatch;
import java.time.Duration;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.AggregateFunction;
import org.apache.flink.api.common.serialization.SimpleStringSchema;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.connector.base.DeliveryGuarantee;
import org.apache.flink.connector.kafka.sink.KafkaRecordSerializationSchema;
import org.apache.flink.connector.kafka.sink.KafkaSink;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.connector.kafka.source.reader.deserializer.KafkaRecordDeserializationSchema;
import org.apache.flink.core.execution.JobClient;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.windowing.assigners.TumblingEventTimeWindows;
import org.apache.flink.util.Collector;
import org.apache.kafka.clients.consumer.ConsumerRecord;

/** Flink's DataStream API in a local cluster of one slot: state on the heap, a checkpoint a second, results to a topic. */
public class FlinkCells {
    private static volatile CountDownLatch done; // the job's functions are copied, so what they share is static

    public static void main(String[] arguments) throws Exception {
        Task task = Task.given(arguments[0]);
        for (int pass = 0; pass < task.passes; pass++) {
            task.expect();
            done = new CountDownLatch(1);
            JobClient job = job(task).executeAsync();
            done.await();
            job.cancel().get();
        }
        Runtime.getRuntime().halt(0);
    }

    private static StreamExecutionEnvironment job(Task task) {
        StreamExecutionEnvironment environment = StreamExecutionEnvironment.createLocalEnvironment(1, new Configuration());
        environment.getConfig().enableObjectReuse();
        environment.enableCheckpointing(1_000);
        KafkaSource<Event> source = KafkaSource.<Event>builder()
            .setBootstrapServers(task.bootstrap)
            .setTopics(task.topic)
            .setGroupId(task.group)
            .setStartingOffsets(OffsetsInitializer.earliest())
            .setDeserializer(new Decoder(task.per_message))
            .setProperty("max.poll.records", "10000")
            .build();
        WatermarkStrategy<Event> time =
            WatermarkStrategy.<Event>forMonotonousTimestamps().withTimestampAssigner((event, written) -> event.ts);
        environment.fromSource(source, time, "events")
            .keyBy(event -> event.rollout + "/" + event.cohort)
            .window(TumblingEventTimeWindows.of(Duration.ofMillis(Task.WINDOW_MS)))
            .aggregate(new Count())
            .sinkTo(sink(task));
        return environment;
    }

    private static KafkaSink<String> sink(Task task) {
        return KafkaSink.<String>builder()
            .setBootstrapServers(task.bootstrap)
            .setDeliveryGuarantee(DeliveryGuarantee.AT_LEAST_ONCE)
            .setRecordSerializer(KafkaRecordSerializationSchema.builder()
                .setTopic(task.output).setValueSerializationSchema(new SimpleStringSchema()).build())
            .build();
    }

    /** In the source, so that each partition has a watermark of its own. */
    private record Decoder(int perMessage) implements KafkaRecordDeserializationSchema<Event> {
        @Override
        public void deserialize(ConsumerRecord<byte[], byte[]> message, Collector<Event> events) {
            Task.arrived();
            if (perMessage == 1) {
                events.collect(Event.readOne(message.value()));
            } else {
                Event.read(message.value()).forEach(events::collect);
            }
        }

        @Override
        public TypeInformation<Event> getProducedType() {
            return TypeInformation.of(Event.class);
        }
    }

    @SuppressWarnings("serial")
    private static class Count implements AggregateFunction<Event, Cell, String> {
        @Override
        public Cell createAccumulator() {
            return new Cell();
        }

        @Override
        public Cell add(Event event, Cell cell) {
            cell.add(event);
            if (Task.counted()) {
                done.countDown();
            }
            return cell;
        }

        @Override
        public String getResult(Cell cell) {
            return cell.summary();
        }

        @Override
        public Cell merge(Cell one, Cell other) {
            throw new UnsupportedOperationException("tumbling windows do not merge");
        }
    }
}
