// A model provider for measurements: OpenAI chat completions on one loopback port, whole (JSON) or streamed (SSE).
//
//     upstream PORT
//
// The prompt itself says how to be answered, so that one process serves every workload:
//
//     MOCK latency_us=1000 chunks=50 delay_us=10000;
//
// Each event of a stream carries "T" and the monotonic clock in nanoseconds, 19 digits: the load generator reads from it how long the way
// through a gateway took. Usage comes in the last event when the request asks for it. GET /stats answers with counts.
// One thread, epoll, a heap of due times; nothing is ever closed from this side.

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
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

enum { EVENTS = 256, READ_BYTES = 65536, CHUNKS_DEFAULT = 50, BURST = 64, CONTENT_BYTES = 560 };

typedef struct buffer {
    char *data;
    size_t start, end, capacity;
} buffer;

typedef struct connection {
    int socket;
    buffer in, out;
    bool closed, waits_to_write, answering, streams, wants_usage;
    long latency_us, delay_us, chunks, chunks_sent;
    int64_t due_ns;
    int place; // in the heap of due times, -1 when it is not there
    struct connection *next_closed;
} connection;

static int poller;
static connection **due, *closed_ones;
static int due_count, due_capacity;
static uint64_t connections, requests, chunks_sent, answers, cut_short;
static char whole_answer[4096];
static int whole_answer_bytes;

static int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void *grown(void *memory, size_t bytes) {
    void *larger = realloc(memory, bytes);
    if (!larger) {
        perror("upstream: memory");
        exit(1);
    }
    return larger;
}

static void reserve(buffer *b, size_t more) {
    if (b->start) {
        memmove(b->data, b->data + b->start, b->end - b->start);
        b->end -= b->start;
        b->start = 0;
    }
    if (b->end + more + 1 > b->capacity) {
        b->capacity = (b->end + more + 1) * 2;
        b->data = grown(b->data, b->capacity);
    }
}

// ---- due times

static void settle(connection *c, int place) {
    due[place] = c;
    c->place = place;
}

static void move_up(int place) {
    connection *c = due[place];
    while (place && due[(place - 1) / 2]->due_ns > c->due_ns) {
        settle(due[(place - 1) / 2], place);
        place = (place - 1) / 2;
    }
    settle(c, place);
}

static void move_down(int place) {
    connection *c = due[place];
    for (int child; (child = 2 * place + 1) < due_count; place = child) {
        if (child + 1 < due_count && due[child + 1]->due_ns < due[child]->due_ns) child++;
        if (due[child]->due_ns >= c->due_ns) break;
        settle(due[child], place);
    }
    settle(c, place);
}

static void wake_at(connection *c, int64_t at_ns) {
    if (due_count == due_capacity) {
        due_capacity = due_capacity ? due_capacity * 2 : 1024;
        due = grown(due, due_capacity * sizeof *due);
    }
    c->due_ns = at_ns;
    settle(c, due_count++);
    move_up(c->place);
}

static void never_wake(connection *c) {
    int place = c->place;
    if (place < 0) return;
    c->place = -1;
    if (place == --due_count) return;
    settle(due[due_count], place);
    move_up(place);
    move_down(due[place]->place);
}

// ---- writing

static void watch(connection *c, bool to_write) {
    struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP | (to_write ? EPOLLOUT : 0), .data.ptr = c};
    epoll_ctl(poller, EPOLL_CTL_MOD, c->socket, &event);
    c->waits_to_write = to_write;
}

static void close_connection(connection *c) {
    if (c->closed) return;
    cut_short += c->answering;
    never_wake(c);
    close(c->socket);
    c->closed = true;
    c->next_closed = closed_ones; // freed after this round of events, some of which may still name it
    closed_ones = c;
}

// Writes what is held back. False while some of it still is, or when the peer is gone.
static bool flush(connection *c) {
    while (c->out.start < c->out.end) {
        ssize_t written = write(c->socket, c->out.data + c->out.start, c->out.end - c->out.start);
        if (written < 0 && errno == EAGAIN) {
            if (!c->waits_to_write) watch(c, true);
            return false;
        }
        if (written < 0) {
            close_connection(c);
            return false;
        }
        c->out.start += written;
    }
    c->out.start = c->out.end = 0;
    if (c->waits_to_write) watch(c, false);
    return true;
}

static bool put(connection *c, const char *data, size_t bytes) {
    if (c->closed) return false;
    reserve(&c->out, bytes);
    memcpy(c->out.data + c->out.end, data, bytes);
    c->out.end += bytes;
    return flush(c);
}

// ---- answers

static void make_whole_answer(void) {
    static const char sentence[] = "The gateway forwards every request to the provider and keeps an account of the tokens that were used. ";
    char content[CONTENT_BYTES + 1] = "", body[3072];
    for (int i = 0; i < CONTENT_BYTES; i++) content[i] = sentence[i % (sizeof sentence - 1)];
    int bytes = snprintf(
        body, sizeof body,
        "{\"id\":\"chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT\",\"object\":\"chat.completion\",\"created\":1741569952,"
        "\"model\":\"gpt-4o-mini-2024-07-18\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"%s\","
        "\"refusal\":null,\"annotations\":[]},\"logprobs\":null,\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":219,"
        "\"completion_tokens\":110,\"total_tokens\":329,\"prompt_tokens_details\":{\"cached_tokens\":0,\"audio_tokens\":0},"
        "\"completion_tokens_details\":{\"reasoning_tokens\":0,\"audio_tokens\":0,\"accepted_prediction_tokens\":0,"
        "\"rejected_prediction_tokens\":0}},\"service_tier\":\"default\"}",
        content);
    whole_answer_bytes = snprintf(
        whole_answer, sizeof whole_answer,
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-request-id: req_0123456789abcdef\r\n"
        "openai-processing-ms: 10\r\ncontent-length: %d\r\n\r\n%s",
        bytes, body);
}

static const char stream_head[] = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n"
                                  "x-request-id: req_0123456789abcdef\r\ntransfer-encoding: chunked\r\n\r\n";
static const char stream_end[] = "e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n";
#define EVENT_HEAD                                                                                                                 \
    "data: {\"id\":\"chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT\",\"object\":\"chat.completion.chunk\",\"created\":1741569952,"        \
    "\"model\":\"gpt-4o-mini-2024-07-18\",\"service_tier\":\"default\",\"system_fingerprint\":\"fp_06737a9306\",\"choices\":"

// One event as one HTTP chunk and, most of the time, one write: as a provider sends them.
static bool put_event(connection *c, const char *event, int bytes) {
    char chunk[1100];
    int framed = snprintf(chunk, sizeof chunk, "%x\r\n%s\r\n", bytes, event);
    return put(c, chunk, framed);
}

static bool put_content(connection *c) {
    char event[1024];
    int bytes = snprintf(event, sizeof event,
                         EVENT_HEAD "[{\"index\":0,\"delta\":{\"content\":\" T%019lld \"},\"logprobs\":null,\"finish_reason\":null}]%s}\n\n",
                         (long long)now_ns(), c->wants_usage ? ",\"usage\":null" : "");
    chunks_sent++;
    return put_event(c, event, bytes);
}

static void put_last_events(connection *c) {
    char event[1024];
    int bytes = snprintf(event, sizeof event,
                         EVENT_HEAD "[{\"index\":0,\"delta\":{},\"logprobs\":null,\"finish_reason\":\"stop\"}]%s}\n\n",
                         c->wants_usage ? ",\"usage\":null" : "");
    put_event(c, event, bytes);
    if (c->wants_usage) {
        bytes = snprintf(event, sizeof event,
                         EVENT_HEAD "[],\"usage\":{\"prompt_tokens\":219,\"completion_tokens\":%ld,\"total_tokens\":%ld,"
                                    "\"prompt_tokens_details\":{\"cached_tokens\":0,\"audio_tokens\":0},"
                                    "\"completion_tokens_details\":{\"reasoning_tokens\":0,\"audio_tokens\":0}}}\n\n",
                         c->chunks, 219 + c->chunks);
        put_event(c, event, bytes);
    }
    put(c, stream_end, sizeof stream_end - 1);
}

static void end_answer(connection *c) {
    c->answering = false;
    answers++;
}

// The next events of a stream: up to the next pause, or until the peer reads no more.
static void go_on(connection *c) {
    for (int burst = 0; c->chunks_sent < c->chunks; burst++) {
        if (burst == BURST) return wake_at(c, now_ns());
        c->chunks_sent++;
        bool written = put_content(c);
        if (c->closed) return;
        if (c->delay_us && c->chunks_sent < c->chunks) return wake_at(c, c->due_ns + c->delay_us * 1000);
        if (!written) return; // goes on when the socket takes more
    }
    put_last_events(c);
    if (!c->closed) end_answer(c);
}

static void start_answer(connection *c) {
    if (!c->streams) {
        end_answer(c);
        put(c, whole_answer, whole_answer_bytes);
        return;
    }
    put(c, stream_head, sizeof stream_head - 1);
    if (!c->closed) go_on(c);
}

static void put_stats(connection *c) {
    char body[256], answer[400];
    int bytes = snprintf(body, sizeof body, "{\"connections\":%lu,\"requests\":%lu,\"chunks\":%lu,\"answers\":%lu,\"cut_short\":%lu}",
                         connections, requests, chunks_sent, answers, cut_short);
    bytes = snprintf(answer, sizeof answer, "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s", bytes, body);
    put(c, answer, bytes);
}

// ---- requests

static long wish(const char *wishes, const char *name, long otherwise) {
    const char *found = wishes ? strstr(wishes, name) : NULL;
    return found ? atol(found + strlen(name)) : otherwise;
}

static void read_wishes(connection *c, const char *body) {
    const char *wishes = strstr(body, "MOCK ");
    c->latency_us = wish(wishes, "latency_us=", 0);
    c->delay_us = wish(wishes, "delay_us=", 0);
    c->chunks = wish(wishes, "chunks=", CHUNKS_DEFAULT);
    c->chunks_sent = 0;
    c->streams = strstr(body, "\"stream\":true") || strstr(body, "\"stream\": true");
    c->wants_usage = strstr(body, "\"include_usage\":true") || strstr(body, "\"include_usage\": true");
}

// Bytes of the request at the start of `in`, 0 while it is not whole; `body` is where its body starts.
static size_t request_bytes(buffer *in, char **body) {
    char *head = in->data + in->start;
    size_t held = in->end - in->start;
    in->data[in->end] = 0;
    char *end = memmem(head, held, "\r\n\r\n", 4);
    if (!end) return 0;
    *body = end + 4;
    *end = 0;
    char *length = strcasestr(head, "\r\ncontent-length:");
    bool chunked = strcasestr(head, "\r\ntransfer-encoding: chunked");
    *end = '\r';
    if (chunked) { // a JSON body holds no raw CR, so these bytes are the last chunk
        char *last = memmem(*body, head + held - *body, "0\r\n\r\n", 5);
        return last ? last + 5 - head : 0;
    }
    size_t bytes = *body - head + (length ? atol(length + strlen("\r\ncontent-length:")) : 0);
    return held < bytes ? 0 : bytes;
}

static void take_requests(connection *c) {
    char *body;
    size_t bytes;
    while (!c->closed && !c->answering && c->in.end > c->in.start && (bytes = request_bytes(&c->in, &body))) {
        char *head = c->in.data + c->in.start, after = head[bytes];
        c->in.start += bytes;
        if (!strncmp(head, "GET /stats ", 11)) {
            put_stats(c);
            continue;
        }
        requests++;
        head[bytes] = 0;
        read_wishes(c, body);
        head[bytes] = after;
        c->answering = true;
        c->due_ns = now_ns() + c->latency_us * 1000;
        if (c->latency_us) return wake_at(c, c->due_ns);
        start_answer(c);
    }
}

static void read_socket(connection *c) {
    for (;;) {
        reserve(&c->in, READ_BYTES);
        ssize_t got = read(c->socket, c->in.data + c->in.end, READ_BYTES);
        if (got < 0 && errno == EAGAIN) break;
        if (got <= 0) return close_connection(c);
        c->in.end += got;
        if (got < READ_BYTES) break;
    }
    take_requests(c);
}

// ---- the loop

static void accept_all(int listener) {
    int one = 1;
    for (int socket; (socket = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
        connection *c = grown(NULL, sizeof *c);
        *c = (connection){.socket = socket, .place = -1};
        setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP, .data.ptr = c};
        epoll_ctl(poller, EPOLL_CTL_ADD, socket, &event);
        connections++;
    }
}

static void on_event(connection *c, uint32_t events) {
    if (c->closed) return;
    if ((events & EPOLLOUT) && flush(c)) {
        if (c->answering && c->place < 0) go_on(c);
        take_requests(c);
    }
    if (!c->closed && (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))) read_socket(c);
}

static void wake_due(void) {
    int64_t until_ns = now_ns();
    while (due_count && due[0]->due_ns <= until_ns) {
        connection *c = due[0];
        never_wake(c);
        if (c->streams && c->chunks_sent) go_on(c);
        else start_answer(c);
        if (!c->answering) take_requests(c);
    }
}

static void free_closed(void) {
    while (closed_ones) {
        connection *c = closed_ones;
        closed_ones = c->next_closed;
        free(c->in.data);
        free(c->out.data);
        free(c);
    }
}

static int listen_on(int port) {
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 4096)) {
        perror("upstream: listen");
        exit(1);
    }
    return listener;
}

int main(int count, char **arguments) {
    if (count != 2) {
        fprintf(stderr, "usage: upstream PORT\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    make_whole_answer();
    int listener = listen_on(atoi(arguments[1]));
    poller = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL}, events[EVENTS];
    epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        int64_t wait_ns = due_count ? due[0]->due_ns - now_ns() : 0;
        if (wait_ns < 0) wait_ns = 0;
        struct timespec wait = {.tv_sec = wait_ns / 1000000000, .tv_nsec = wait_ns % 1000000000};
        int ready = epoll_pwait2(poller, events, EVENTS, due_count ? &wait : NULL, NULL);
        for (int i = 0; i < ready; i++) {
            if (events[i].data.ptr) on_event(events[i].data.ptr, events[i].events);
            else accept_all(listener);
        }
        wake_due();
        free_closed();
    }
}
