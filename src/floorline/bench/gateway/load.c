// A load generator for measurements: one request over and over but for a number, every answer compared byte by byte with the expected one.
//
//     load --port P --body FILE --expect FILE --connections N --seconds S [--warm S] [--rate CALLS_PER_S] [--header "name: value"]...
//
// Without a rate the loop is closed: each connection sends as soon as it has its answer. With a rate it is open: calls are due at fixed times
// whatever became of earlier ones, and a latency counts from the due time. The expected body holds the byte 1 where any digit may stand; 19 of
// them in a row are the monotonic clock at which the upstream wrote a chunk. At the end calls under way are waited for, so that what a gateway
// spent can be divided by the calls it served. Ten zeros in the body are a number that each call has for itself. Prints one JSON object.

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS = 512, HEAD_BYTES = 16384, READ_BYTES = 262144, STAMP_DIGITS = 19, ANY_DIGIT = 1, PATIENCE_S = 60 };

typedef enum { IDLE, CONNECTING, WAITING, GONE } phase;
typedef enum { SIZE, DATA, DATA_END, TRAILER } framing;

typedef struct connection {
    int socket;
    phase phase;
    int64_t due_ns;
    char head[HEAD_BYTES];
    size_t head_bytes;
    bool head_read, chunked, closes, odd, in_extension, line_has_text, had_stamp;
    int status;
    framing framing;
    long left; // of the body or of the chunk under way, -1: until the connection closes
    size_t at; // in the expected body
    int digits;
    int64_t stamp;
    struct connection *next;
} connection;

typedef struct series {
    int64_t *values;
    size_t count, capacity;
} series;

static struct {
    const char *body_file, *expect_file;
    char headers[8192];
    int port, connections;
    double rate, seconds, warm;
} options = {.connections = 32, .seconds = 3, .headers = ""};

static int poller, open_connections, under_way;
static connection *idle_ones, *gone_ones;
static char *request, *expected, *numbered; // where in the request ten digits stand that no other request has, NULL: nowhere
static size_t request_bytes, expected_bytes;
static int64_t start_ns, measured_from_ns, end_ns, *waiting;
static size_t waiting_first, waiting_end;
static long served, in_window, wrong, refused, broken, connects;
static series latencies, firsts, chunks;
static char first_fault[256];

static int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void *grown(void *memory, size_t bytes) {
    void *larger = realloc(memory, bytes);
    if (!larger) {
        perror("load: memory");
        exit(1);
    }
    return larger;
}

static void add(series *s, int64_t value) {
    if (s->count == s->capacity) {
        s->capacity = s->capacity ? s->capacity * 2 : 4096;
        s->values = grown(s->values, s->capacity * sizeof *s->values);
    }
    s->values[s->count++] = value;
}

static int ascending(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static double percentile_us(series *s, double share) {
    if (!s->count) return 0;
    qsort(s->values, s->count, sizeof *s->values, ascending);
    size_t place = share * s->count;
    return s->values[place < s->count ? place : s->count - 1] / 1e3;
}

static void fault(const char *what, const char *bytes, size_t count) { // the first one is told, in printable characters
    if (*first_fault) return;
    int length = snprintf(first_fault, sizeof first_fault - 1, "%s", what);
    for (size_t i = 0; i < count && i < 80 && length < (int)sizeof first_fault - 1; i++) {
        char c = bytes[i];
        first_fault[length++] = c < ' ' || c > '~' || c == '"' || c == '\\' ? '.' : c;
    }
    first_fault[length] = 0;
}

// ---- one call

static void send_request(connection *c);
static void connect_for(int64_t due_ns);

static bool next_due(int64_t *due_ns) {
    if (options.rate <= 0) {
        *due_ns = now_ns();
        return *due_ns < end_ns;
    }
    if (waiting_first == waiting_end) return false;
    *due_ns = waiting[waiting_first++];
    return true;
}

static void go_on(connection *c) {
    if (next_due(&c->due_ns)) return send_request(c);
    c->phase = IDLE;
    c->next = idle_ones;
    idle_ones = c;
}

static void drop(connection *c) {
    if (c->phase == IDLE)
        for (connection **link = &idle_ones; *link; link = &(*link)->next)
            if (*link == c) {
                *link = c->next;
                break;
            }
    close(c->socket);
    c->phase = GONE;
    c->next = gone_ones; // freed after this round of events, some of which may still name it
    gone_ones = c;
    open_connections--;
    int64_t due_ns;
    if (open_connections < options.connections && next_due(&due_ns)) connect_for(due_ns);
}

static void finish(connection *c, bool whole) {
    under_way--;
    int64_t at_ns = now_ns();
    if (whole && c->status == 200 && !c->odd && c->at != expected_bytes) {
        c->odd = true;
        fault("the answer ends early after ", expected + (c->at > 60 ? c->at - 60 : 0), c->at > 60 ? 60 : c->at);
    }
    if (!whole) fault("the connection broke; head: ", c->head, c->head_bytes);
    else if (c->status != 200) fault("", c->head, c->head_bytes);
    broken += !whole;
    refused += whole && c->status != 200;
    wrong += whole && c->status == 200 && c->odd;
    if (!whole || c->status != 200 || c->odd) return;
    served++;
    if (c->due_ns < measured_from_ns) return;
    add(&latencies, at_ns - c->due_ns);
    in_window += at_ns <= end_ns;
}

static void end_call(connection *c, bool whole) {
    finish(c, whole);
    if (!whole || c->closes) return drop(c);
    go_on(c);
}

static void number_request(void) {
    for (char *digit = numbered + 9; digit >= numbered && ++*digit > '9'; digit--) *digit = '0';
}

static void send_request(connection *c) {
    if (numbered) number_request();
    under_way++;
    c->phase = WAITING;
    c->head_bytes = c->at = 0;
    c->head_read = c->odd = c->had_stamp = false;
    c->digits = 0;
    if (write(c->socket, request, request_bytes) != (ssize_t)request_bytes) end_call(c, false);
}

static void connect_for(int64_t due_ns) {
    connection *c = grown(NULL, sizeof *c);
    int one = 1, sending = 1 << 20;
    memset(c, 0, sizeof *c);
    c->socket = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(c->socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(c->socket, SOL_SOCKET, SO_SNDBUF, &sending, sizeof sending); // a request goes out in one write
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(options.port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    (void)!connect(c->socket, (struct sockaddr *)&address, sizeof address); // its outcome comes as an event
    c->phase = CONNECTING;
    c->due_ns = due_ns;
    open_connections++;
    connects++;
    struct epoll_event event = {.events = EPOLLOUT, .data.ptr = c};
    epoll_ctl(poller, EPOLL_CTL_ADD, c->socket, &event);
}

static void on_connected(connection *c, uint32_t events) {
    if (events & (EPOLLERR | EPOLLHUP)) {
        fault("cannot connect", "", 0);
        broken++;
        end_ns = now_ns(); // nobody listens: there is nothing to measure
        return drop(c);
    }
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    epoll_ctl(poller, EPOLL_CTL_MOD, c->socket, &event);
    if (options.rate <= 0) c->due_ns = now_ns();
    send_request(c);
}

// ---- one answer

static void take_stamp(connection *c) {
    int64_t at_ns = now_ns();
    if (at_ns >= measured_from_ns && at_ns <= end_ns) {
        add(&chunks, at_ns - c->stamp);
        if (!c->had_stamp) add(&firsts, at_ns - c->due_ns);
    }
    c->had_stamp = true;
}

static void compare(connection *c, const char *got, size_t count) {
    for (size_t i = 0; i < count && !c->odd;) {
        size_t fixed = 0, left = count - i;
        if (c->at + left > expected_bytes) left = expected_bytes - c->at;
        if (left) {
            const char *any = memchr(expected + c->at, ANY_DIGIT, left);
            fixed = any ? (size_t)(any - expected) - c->at : left;
        }
        bool digit = !fixed && left && got[i] >= '0' && got[i] <= '9';
        if ((fixed && memcmp(got + i, expected + c->at, fixed)) || (!fixed && !digit)) {
            c->odd = true;
            for (; fixed && got[i] == expected[c->at]; c->at++) i++;
            return fault("the answer differs from here: ", got + i, count - i);
        }
        if (digit) {
            c->stamp = (c->digits ? c->stamp * 10 : 0) + got[i] - '0';
            if (++c->digits == STAMP_DIGITS) take_stamp(c);
        } else {
            c->digits = 0;
        }
        c->at += digit ? 1 : fixed;
        i += digit ? 1 : fixed;
    }
}

static void read_chunk_size(connection *c, char byte) {
    if (byte == '\n') {
        c->framing = c->left ? DATA : TRAILER;
        c->line_has_text = c->in_extension = false;
    } else if (byte == ';') {
        c->in_extension = true;
    } else if (byte != '\r' && !c->in_extension) {
        c->left = c->left * 16 + (byte <= '9' ? byte - '0' : (byte | 32) - 'a' + 10);
    }
}

// Whether the answer ended within these bytes.
static bool read_chunked(connection *c, const char *bytes, size_t count) {
    for (size_t i = 0; i < count;) {
        size_t piece = count - i < (size_t)c->left ? count - i : (size_t)c->left;
        switch (c->framing) {
        case SIZE:
            read_chunk_size(c, bytes[i++]);
            break;
        case DATA:
            compare(c, bytes + i, piece);
            i += piece;
            c->left -= piece;
            if (!c->left) c->framing = DATA_END;
            break;
        case DATA_END:
            if (bytes[i++] == '\n') c->framing = SIZE;
            break;
        case TRAILER:
            if (bytes[i] == '\n' && !c->line_has_text) return true;
            c->line_has_text = bytes[i] == '\n' ? false : c->line_has_text || bytes[i] != '\r';
            i++;
        }
    }
    return false;
}

static bool read_body(connection *c, const char *bytes, size_t count) {
    if (c->chunked) return read_chunked(c, bytes, count);
    compare(c, bytes, count);
    if (c->left < 0) return false;
    c->left -= count;
    return c->left <= 0;
}

// Bytes of `got` that belong to the head; the rest is body.
static size_t read_head(connection *c, const char *got, size_t count) {
    size_t before = c->head_bytes, room = sizeof c->head - 1 - before, taken = count < room ? count : room;
    memcpy(c->head + before, got, taken);
    c->head_bytes += taken;
    c->head[c->head_bytes] = 0;
    char *end = strstr(c->head, "\r\n\r\n");
    if (!end) return count;
    c->head_bytes = end + 4 - c->head;
    *end = 0;
    char *length = strcasestr(c->head, "\r\ncontent-length:");
    c->status = atoi(c->head + strlen("HTTP/1.1 "));
    c->chunked = strcasestr(c->head, "\r\ntransfer-encoding: chunked");
    c->closes = strcasestr(c->head, "\r\nconnection: close");
    c->left = c->chunked ? 0 : length ? atol(length + strlen("\r\ncontent-length:")) : -1;
    c->framing = SIZE;
    c->in_extension = c->line_has_text = false;
    c->head_read = true;
    *end = '\r';
    return c->head_bytes - before;
}

static void on_readable(connection *c) {
    static char got[READ_BYTES];
    while (c->phase == WAITING || c->phase == IDLE) {
        ssize_t count = read(c->socket, got, sizeof got);
        if (count < 0 && errno == EAGAIN) return;
        if (c->phase == IDLE) return drop(c); // the server ends a connection that nobody uses
        if (count <= 0) return end_call(c, count == 0 && c->head_read && !c->chunked && c->left < 0);
        size_t head = c->head_read ? 0 : read_head(c, got, count);
        if (!c->head_read) continue;
        if (c->left == 0 && !c->chunked) return end_call(c, true);
        if (head < (size_t)count && read_body(c, got + head, count - head)) return end_call(c, true);
        if (count < READ_BYTES) return;
    }
}

// ---- the loop

static char *read_file(const char *path, size_t *bytes) {
    FILE *file = fopen(path, "rb");
    if (!file) {
        perror(path);
        exit(2);
    }
    char *data = NULL;
    size_t capacity = 0, got;
    *bytes = 0;
    do {
        data = grown(data, capacity += 1 << 20);
        got = fread(data + *bytes, 1, capacity - *bytes, file);
        *bytes += got;
    } while (got);
    fclose(file);
    return data;
}

static void make_request(void) {
    size_t body_bytes;
    char *body = read_file(options.body_file, &body_bytes);
    request = grown(NULL, body_bytes + sizeof options.headers + 1024);
    request_bytes = sprintf(
        request,
        "POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUser-Agent: OpenAI/Python 1.99.0\r\nAccept: application/json\r\n"
        "Content-Type: application/json\r\nX-Stainless-Lang: python\r\n%sContent-Length: %zu\r\n\r\n",
        options.port, options.headers, body_bytes);
    memcpy(request + request_bytes, body, body_bytes);
    numbered = memmem(request + request_bytes, body_bytes, "0000000000", 10);
    if (numbered) { // begins beyond where an earlier run ended, at up to 10,000 calls/s
        char digits[24];
        sprintf(digits, "%010lld", (long long)(now_ns() / 100000 % 10000000000LL));
        memcpy(numbered, digits, 10);
    }
    request_bytes += body_bytes;
    free(body);
}

static void read_options(int count, char **arguments) {
    static const struct option names[] = {
        {"port", 1, 0, 'p'},    {"body", 1, 0, 'b'}, {"expect", 1, 0, 'e'}, {"connections", 1, 0, 'c'}, {"seconds", 1, 0, 's'},
        {"warm", 1, 0, 'w'},    {"rate", 1, 0, 'r'}, {"header", 1, 0, 'h'}, {0, 0, 0, 0}};
    for (int option; (option = getopt_long(count, arguments, "", names, NULL)) != -1;) switch (option) {
        case 'p': options.port = atoi(optarg); break;
        case 'b': options.body_file = optarg; break;
        case 'e': options.expect_file = optarg; break;
        case 'c': options.connections = atoi(optarg); break;
        case 's': options.seconds = atof(optarg); break;
        case 'w': options.warm = atof(optarg); break;
        case 'r': options.rate = atof(optarg); break;
        case 'h':
            if (strlen(options.headers) + strlen(optarg) + 3 > sizeof options.headers) exit(2);
            strcat(strcat(options.headers, optarg), "\r\n");
            break;
        default: exit(2);
        }
    if (options.port && options.body_file && options.expect_file) return;
    fprintf(stderr, "load: --port, --body and --expect are needed\n");
    exit(2);
}

// Hands out the calls that are due by now, and returns when the next one is.
static int64_t hand_out(long *handed_out) {
    for (;;) {
        int64_t due_ns = start_ns + (int64_t)(*handed_out * 1e9 / options.rate);
        if (due_ns > now_ns() || due_ns >= end_ns) return due_ns < end_ns ? due_ns : end_ns;
        ++*handed_out;
        waiting[waiting_end++] = due_ns;
        if (idle_ones) {
            connection *c = idle_ones;
            idle_ones = c->next;
            c->due_ns = waiting[waiting_first++];
            send_request(c);
        } else if (open_connections < options.connections) {
            connect_for(waiting[waiting_first++]);
        }
    }
}

static void run(void) {
    struct epoll_event events[EVENTS];
    long handed_out = 0;
    if (options.rate <= 0)
        for (int i = 0; i < options.connections; i++) connect_for(start_ns);
    for (;;) {
        int64_t at_ns = now_ns(), until_ns = at_ns < end_ns ? end_ns : at_ns + 50000000;
        bool done = !under_way && waiting_first == waiting_end;
        if (at_ns >= end_ns && (done || at_ns > end_ns + PATIENCE_S * 1000000000LL)) return;
        if (options.rate > 0 && at_ns < end_ns) until_ns = hand_out(&handed_out);
        int64_t wait_ns = until_ns - now_ns();
        if (wait_ns < 0) wait_ns = 0;
        struct timespec wait = {.tv_sec = wait_ns / 1000000000, .tv_nsec = wait_ns % 1000000000};
        int ready = epoll_pwait2(poller, events, EVENTS, &wait, NULL);
        for (int i = 0; i < ready; i++) {
            connection *c = events[i].data.ptr;
            if (c->phase == CONNECTING) on_connected(c, events[i].events);
            else if (c->phase != GONE) on_readable(c);
        }
        while (gone_ones) {
            connection *c = gone_ones;
            gone_ones = c->next;
            free(c);
        }
    }
}

static void report(void) {
    printf("{\"served\":%ld,\"wrong\":%ld,\"refused\":%ld,\"broken\":%ld,\"unfinished\":%ld,\"connects\":%ld,\"calls_per_s\":%.2f,", served,
           wrong, refused, broken, under_way + (long)(waiting_end - waiting_first), connects,
           in_window / ((end_ns - measured_from_ns) / 1e9));
    printf("\"latency_us_p50\":%.1f,\"latency_us_p99\":%.1f,\"first_us_p50\":%.1f,\"first_us_p99\":%.1f,", percentile_us(&latencies, .5),
           percentile_us(&latencies, .99), percentile_us(&firsts, .5), percentile_us(&firsts, .99));
    printf("\"chunks_per_s\":%.1f,\"chunk_us_p50\":%.1f,\"chunk_us_p99\":%.1f,\"first_fault\":\"%s\"}\n",
           chunks.count / ((end_ns - measured_from_ns) / 1e9), percentile_us(&chunks, .5), percentile_us(&chunks, .99), first_fault);
}

int main(int count, char **arguments) {
    read_options(count, arguments);
    signal(SIGPIPE, SIG_IGN);
    make_request();
    expected = read_file(options.expect_file, &expected_bytes);
    poller = epoll_create1(EPOLL_CLOEXEC);
    start_ns = now_ns();
    measured_from_ns = start_ns + options.warm * 1e9;
    end_ns = measured_from_ns + options.seconds * 1e9;
    waiting = grown(NULL, (options.rate * (options.warm + options.seconds) + 16) * sizeof *waiting);
    run();
    report();
    return 0;
}
