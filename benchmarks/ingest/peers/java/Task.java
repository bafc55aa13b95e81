import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.management.OperatingSystemMXBean;
import java.lang.management.GarbageCollectorMXBean;
import java.lang.management.ManagementFactory;
import java.util.Locale;

/** What a peer is told, and the watch it carries: task.py has the same in Python. */
public class Task {
    public static final long WINDOW_MS = 1_000;

    public String bootstrap;
    public String topic;
    public int partitions;
    public int messages;
    public int per_message;
    public String output;
    public String group;
    public int passes; // the first finds a JVM that has compiled nothing yet

    private static volatile boolean begun;
    private static long wall;
    private static long cpu;
    private static long gc;
    private static long left;

    static Task given(String argument) throws Exception {
        return new ObjectMapper().readValue(argument, Task.class);
    }

    /** A pass over all events begins. */
    void expect() {
        left = (long) partitions * messages * per_message;
        begun = false;
    }

    /** A record is here: with the first one time begins to count. */
    static void arrived() {
        if (!begun) {
            begun = true;
            wall = System.nanoTime();
            cpu = cpuNanos();
            gc = gcMillis();
        }
    }

    /** An event is counted; with the last one, tell what all took. Returns whether it was the last. */
    static boolean counted() {
        if (--left != 0) {
            return false;
        }
        double tookWall = (System.nanoTime() - wall) / 1e9;
        double tookCpu = (cpuNanos() - cpu) / 1e9;
        double tookGc = (gcMillis() - gc) / 1e3;
        System.out.printf(Locale.ROOT, "{\"cpu\": %.6f, \"wall\": %.6f, \"gc\": %.3f}%n", tookCpu, tookWall, tookGc);
        System.out.flush();
        return true;
    }

    /** Of all threads: the collector's and the compiler's too. */
    private static long cpuNanos() {
        return ((OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean()).getProcessCpuTime();
    }

    private static long gcMillis() {
        return ManagementFactory.getGarbageCollectorMXBeans().stream()
            .mapToLong(GarbageCollectorMXBean::getCollectionTime).sum();
    }
}
