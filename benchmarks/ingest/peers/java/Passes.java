import java.nio.file.Files;
import java.time.Duration;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import java.util.function.BiFunction;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;

/** A Kafka Streams application that reads all events more than once, each time as a new application. */
class Passes {
    static void run(Task task, Duration commit, BiFunction<Task, CountDownLatch, StreamsBuilder> topology)
        throws Exception {
        for (int pass = 0; pass < task.passes; pass++) {
            task.expect();
            CountDownLatch done = new CountDownLatch(1);
            Properties settings = settings(task, pass, commit);
            KafkaStreams streams = new KafkaStreams(topology.apply(task, done).build(), settings);
            streams.start();
            done.await();
            streams.close(Duration.ofSeconds(20));
        }
        Runtime.getRuntime().halt(0);
    }

    private static Properties settings(Task task, int pass, Duration commit) throws Exception {
        Properties settings = new Properties();
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, task.group + "-" + pass);
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, task.bootstrap);
        settings.put(StreamsConfig.STATE_DIR_CONFIG, Files.createTempDirectory("sluicegate-streams-").toString());
        settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 1);
        settings.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, commit.toMillis());
        settings.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 128L << 20);
        settings.put(StreamsConfig.BUFFERED_RECORDS_PER_PARTITION_CONFIG, 10_000);
        settings.put(StreamsConfig.consumerPrefix("max.poll.records"), 10_000);
        return settings;
    }
}
