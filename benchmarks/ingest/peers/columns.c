/* A prototype: from what Kafka answered a fetch with to columns of numbers, without an object for a record or an event.
 *
 * It reads uncompressed record batches of version 2 and, in their values, the events that are plain: one JSON object or
 * NDJSON of them, ASCII, no escapes, each key once, none of the optional fields. A value that holds anything else is
 * left to the decoder in Python, whole. Chunks, and clocks that are ahead, are not its business yet.
 */
#include <stdint.h>
#include <string.h>

typedef struct {
    uint64_t hash;
    int64_t second;
    int32_t number;
    uint8_t rollout_size, cohort_size;
    char words[256]; /* the rollout, and then the cohort */
} Cell;

typedef struct {
    int64_t *where;  /* of each event cell * 7 + class */
    double *latency; /* milliseconds */
    int64_t *left;   /* of each value left to Python where it begins and how long it is */
    int64_t events, values_left, cells, newest, most;
    Cell *table;
    int64_t slots; /* of the table, a power of two */
} Columns;

typedef struct {
    const char *rollout, *cohort;
    int rollout_size, cohort_size, status;
    int64_t ts;
    double latency;
} Event;

static const double TENTHS[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};

static int64_t varint(const uint8_t **at, const uint8_t *end) {
    uint64_t value = 0;
    for (int shift = 0; *at < end && shift < 64; shift += 7) {
        uint8_t byte = *(*at)++;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80)) return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
    }
    return -2;
}

static const char *blanks(const char *at, const char *end) {
    while (at < end && (*at == ' ' || *at == '\t' || *at == '\r')) at++;
    return at;
}

/* The end of a string that begins behind its opening quote: where the closing one is, or NULL. */
static const char *text(const char *at, const char *end) {
    while (at < end && *at != '"') {
        unsigned char byte = (unsigned char)*at++;
        if (byte < 0x20 || byte >= 0x80 || byte == '\\') return NULL;
    }
    return at < end ? at : NULL;
}

/* A number of at most 15 digits and no exponent: exact as a quotient (Clinger 1990). The end of it, or NULL. */
static const char *number(const char *at, const char *end, double *value, int *places) {
    const char *begin = at;
    int64_t digits = 0;
    int fraction = 0;
    while (at < end && *at >= '0' && *at <= '9') digits = digits * 10 + (*at++ - '0');
    if (at == begin || (*begin == '0' && at > begin + 1)) return NULL;
    if (at < end && *at == '.') {
        const char *point = at++;
        while (at < end && *at >= '0' && *at <= '9') digits = digits * 10 + (*at++ - '0');
        fraction = (int)(at - point) - 1;
        if (!fraction) return NULL;
    }
    if (at - begin > 16) return NULL;
    *value = (double)digits / TENTHS[fraction];
    *places = fraction;
    return at;
}

static int key(const char *name, int size) {
#define IS(word, found) if (size == sizeof(word) - 1 && !memcmp(name, word, sizeof(word) - 1)) return found
    IS("ts", 1); IS("rollout", 2); IS("cohort", 4); IS("status", 8); IS("latency_ms", 16);
    IS("outcome", -1); IS("user", -1); IS("success", -1); IS("synthetic", -1); IS("metrics", -1); IS("emitter", -1);
    IS("heartbeat", -1);
    return 0;
}

static int take(Event *event, int which, double value, int places) {
    if (which == 1) { if (places || value < 1e11 || value >= 1e14) return 0; event->ts = (int64_t)value; }
    else if (which == 8) { if (places || value < 100 || value >= 600) return 0; event->status = (int)value; }
    else if (which == 16) event->latency = value;
    else if (which) return 0;
    return 1;
}

/* One object; the end of it, or NULL where it is not plain. */
static const char *object(const char *at, const char *end, Event *event) {
    int seen = 0;
    if (at >= end || *at++ != '{') return NULL;
    for (;;) {
        const char *name, *stop;
        double value;
        int places, which;
        at = blanks(at, end);
        if (at >= end || *at++ != '"') return NULL;
        name = at;
        if (!(stop = text(at, end)) || (which = key(name, (int)(stop - name))) < 0 || (which & seen)) return NULL;
        seen |= which;
        at = blanks(stop + 1, end);
        if (at >= end || *at++ != ':') return NULL;
        at = blanks(at, end);
        if (at < end && *at == '"') {
            if (!(stop = text(++at, end))) return NULL;
            int size = (int)(stop - at);
            if (which && (which & 6) == 0) return NULL;
            if (which && (size < 1 || size > 128)) return NULL;
            if (which == 2) { event->rollout = at; event->rollout_size = size; }
            if (which == 4) { event->cohort = at; event->cohort_size = size; }
            at = stop + 1;
        } else {
            if (!(at = number(at, end, &value, &places)) || !take(event, which, value, places)) return NULL;
        }
        at = blanks(at, end);
        if (at >= end) return NULL;
        if (*at == ',') { at++; continue; }
        return *at == '}' && seen == 31 ? at + 1 : NULL;
    }
}

static int32_t cell(Columns *into, const Event *event) {
    uint64_t hash = 1469598103934665603ull ^ (uint64_t)(event->ts / 1000);
    for (int i = 0; i < event->rollout_size; i++) hash = (hash ^ (uint8_t)event->rollout[i]) * 1099511628211ull;
    hash = (hash ^ 0xff) * 1099511628211ull;
    for (int i = 0; i < event->cohort_size; i++) hash = (hash ^ (uint8_t)event->cohort[i]) * 1099511628211ull;
    hash |= 1;
    for (int64_t slot = (int64_t)(hash >> 20) & (into->slots - 1);; slot = (slot + 1) & (into->slots - 1)) {
        Cell *found = &into->table[slot];
        if (!found->hash) {
            if (into->cells * 2 >= into->slots) return -1;
            found->hash = hash;
            found->second = event->ts / 1000;
            found->number = (int32_t)into->cells++;
            found->rollout_size = (uint8_t)event->rollout_size;
            found->cohort_size = (uint8_t)event->cohort_size;
            memcpy(found->words, event->rollout, (size_t)event->rollout_size);
            memcpy(found->words + event->rollout_size, event->cohort, (size_t)event->cohort_size);
            return found->number;
        }
        if (found->hash == hash && found->second == event->ts / 1000 && found->rollout_size == event->rollout_size &&
            found->cohort_size == event->cohort_size && !memcmp(found->words, event->rollout, found->rollout_size) &&
            !memcmp(found->words + found->rollout_size, event->cohort, found->cohort_size))
            return found->number;
    }
}

/* The events of one value; 0 where not all of them are plain, and then none was counted. */
static int value(Columns *into, const char *at, const char *end) {
    int64_t before = into->events, newest = into->newest;
    for (;;) {
        Event event = {0};
        int32_t found = -1;
        at = blanks(at, end);
        if (!(at = object(at, end, &event)) || into->events == into->most || (found = cell(into, &event)) < 0) break;
        into->where[into->events] = (int64_t)found * 7 + event.status / 100 - 1;
        into->latency[into->events++] = event.latency;
        if (event.ts > into->newest) into->newest = event.ts;
        at = blanks(at, end);
        if (at < end && *at == '\n') at = blanks(at + 1, end);
        else if (at < end) break;
        if (at == end) return 1;
    }
    into->events = before;
    into->newest = newest;
    return 0;
}

static uint32_t crc32c(const uint8_t *at, int64_t size) {
    uint64_t crc = 0xffffffffu;
#ifdef __SSE4_2__
    for (; size >= 8; at += 8, size -= 8) {
        uint64_t word;
        memcpy(&word, at, 8);
        crc = __builtin_ia32_crc32di(crc, word);
    }
#endif
    while (size-- > 0) {
        crc ^= *at++;
        for (int bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ (0x82f63b78u & -(crc & 1));
    }
    return (uint32_t)crc ^ 0xffffffffu;
}

static uint64_t big(const uint8_t *at, int size) {
    uint64_t found = 0;
    while (size--) found = found << 8 | *at++;
    return found;
}

/* Read all whole batches of a fetch. Gives the offset after the last record, or -1: a batch is not as we read them. */
int64_t fetched(Columns *into, const uint8_t *buffer, int64_t size, int64_t from) {
    const uint8_t *at = buffer, *end = buffer + size;
    int64_t next = from;
    while (end - at >= 61) {
        int64_t length = (int64_t)big(at + 8, 4), base = (int64_t)big(at, 8), count = (int64_t)big(at + 57, 4);
        const uint8_t *stop = at + 12 + length, *record = at + 61;
        if (stop > end) break;
        if (at[16] != 2 || (big(at + 21, 2) & 0x27) || big(at + 17, 4) != crc32c(at + 21, stop - at - 21)) return -1;
        for (int64_t i = 0; i < count; i++) {
            int64_t skipped, whole = varint(&record, stop);
            const uint8_t *after = record + whole;
            if (whole < 0 || after > stop) return -1;
            record++;
            varint(&record, after);
            int64_t offset = base + varint(&record, after);
            if ((skipped = varint(&record, after)) > 0) record += skipped;
            skipped = varint(&record, after);
            if (offset >= from && (skipped < 0 || !value(into, (const char *)record, (const char *)record + skipped))) {
                into->left[2 * into->values_left] = record - buffer;
                into->left[2 * into->values_left++ + 1] = skipped;
            }
            record = after;
        }
        next = base + (int64_t)big(at + 23, 4) + 1;
        at = stop;
    }
    return next;
}
