import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.databind.MappingIterator;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.ObjectReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;

/** What the job needs of an event; the rest is skipped as it is read. */
@JsonIgnoreProperties(ignoreUnknown = true)
public class Event {
    public long ts;
    public String rollout;
    public String cohort;
    public int status;
    public double latency_ms;

    private static final ObjectReader READER = new ObjectMapper().readerFor(Event.class);

    /** The events of a message, one a line. */
    static List<Event> read(byte[] value) {
        try (MappingIterator<Event> events = READER.readValues(value)) {
            return events.readAll();
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    /** The event of a message. */
    static Event readOne(byte[] value) {
        try {
            return READER.readValue(value);
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }
}
