import java.nio.ByteBuffer;
import java.util.Locale;

/** Requests, errors and latencies of one pair and second: cells.py has the same in Python. */
public class Cell {
    private static final int OCTAVE = 16;
    private static final double LOWEST = 1.0 / 16;
    private static final double LOG_2 = Math.log(2);
    private static final int BUCKETS = 22 * OCTAVE;

    public int requests;
    public int errors;
    public int[] buckets = new int[BUCKETS];
    public boolean changed; // since it was last saved

    Cell add(Event event) {
        requests++;
        if (event.status >= 500) {
            errors++;
        }
        int bucket = event.latency_ms <= LOWEST ? 0 : (int) (Math.log(event.latency_ms / LOWEST) / LOG_2 * OCTAVE);
        buckets[Math.min(bucket, BUCKETS - 1)]++;
        return this;
    }

    /** What is said of a cell once its second is over. */
    String summary() {
        return String.format(Locale.ROOT, "{\"requests\":%d,\"error_rate\":%f,\"p50\":%f,\"p95\":%f,\"p99\":%f}",
            requests, (double) errors / requests, percentile(0.5), percentile(0.95), percentile(0.99));
    }

    private double percentile(double share) {
        int seen = 0;
        int bucket = 0;
        while (bucket < BUCKETS && (seen += buckets[bucket]) < share * requests) {
            bucket++;
        }
        return LOWEST * Math.pow(2, (bucket + 0.5) / OCTAVE);
    }

    byte[] toBytes() {
        ByteBuffer bytes = ByteBuffer.allocate(4 * (2 + BUCKETS));
        bytes.putInt(requests).putInt(errors).asIntBuffer().put(buckets);
        return bytes.array();
    }

    static Cell fromBytes(byte[] value) {
        ByteBuffer bytes = ByteBuffer.wrap(value);
        Cell cell = new Cell();
        cell.requests = bytes.getInt();
        cell.errors = bytes.getInt();
        bytes.asIntBuffer().get(cell.buckets);
        return cell;
    }
}
