/* fcgiload: a FastCGI load generator that speaks the protocol straight to an application's socket.
 *
 *   fcgiload -s unix:/path | -s 127.0.0.1:9000  [-c conns] [-t seconds] [-m depth] [-K] [-P pid]
 *            [-u uri] [-b post_bytes] [-x extra_headers] [-p NAME=VALUE] [-n requests] [-v]
 *
 *   -t seconds     how long; longer, if a connection has had no answer by then (a slow start)
 *   -m depth       requests multiplexed on each connection (ids 1..depth)
 *   -K             no FCGI_KEEP_CONN: one connection per request
 *   -P pid         also the CPU time that process, its threads and its children used per request;
 *                  the kernel counts it in clock ticks of 10 ms, so run for seconds, not for less
 *   -p NAME=VALUE  one parameter more than the 26 that nginx would send
 *   -n requests    stop after so many; an error if the time ran out first
 *   -v             write the STDOUT of the replies to stdout, and the line of JSON to stderr
 *
 * Plan: every connection is a small state machine over epoll; a request is one prepared buffer, sent
 * again as soon as the END_REQUEST of the one before arrives. One JSON line is printed: requests,
 * seconds, rps, p50/p99 latency in us, bytes of STDOUT, errors (refused, cut off, protocolStatus not
 * 0), connections that were never answered, CPU us per request. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { BEGIN = 1, END = 3, PARAMS = 4, STDIN = 5, STDOUT = 6 };
enum { MAX_DEPTH = 256, MAX_PARAMS = 65000, BODY_RECORD = 32768, MAX_SAMPLES = 8000000 };
enum { PATIENCE = 5 }; /* seconds for the first answers, beyond the time that was asked for */

typedef struct {
  int fd, inflight, pollout;
  long replies;
  unsigned char header[8], end[8];
  int header_got, end_got, type, id, content, padding, remaining;
  unsigned char *out;
  size_t out_len, out_off, out_cap;
  double start[MAX_DEPTH + 1];
} Conn;

static const char *uri = "/hello?name=world", *more[64];
static int conns = 16, depth = 1, keep = 1, extra = 0, more_count = 0, verbose = 0, pid = 0;
static long post = 0, limit = 0;
static double seconds = 5, deadline;

static struct sockaddr_storage addr;
static socklen_t addr_len;
static unsigned char *request[MAX_DEPTH + 1];
static size_t request_len;
static long done, errors, bytes, samples;
static float *latency;
static int ep, stopped;

static void fail(const char *what) { fprintf(stderr, "fcgiload: %s\n", what); exit(2); }

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

/* ---- the request ---- */

static size_t put_record(unsigned char *p, int type, int id, const void *data, int n) {
  int padding = -n & 7;
  unsigned char header[8] = {1, type, id >> 8, id, n >> 8, n, padding, 0};
  memcpy(p, header, 8);
  if (n) memcpy(p + 8, data, n);
  memset(p + 8 + n, 0, padding);
  return 8 + n + padding;
}

static int put_length(unsigned char *p, size_t n) {
  if (n < 128) { p[0] = n; return 1; }
  p[0] = 0x80 | n >> 24; p[1] = n >> 16; p[2] = n >> 8; p[3] = n;
  return 4;
}

static unsigned char params[MAX_PARAMS];
static int params_len;

static void param(const char *name, const char *value) {
  size_t nl = strlen(name), vl = strlen(value);
  if (params_len + nl + vl + 8 > MAX_PARAMS) fail("The parameters do not fit in one record");
  params_len += put_length(params + params_len, nl);
  params_len += put_length(params + params_len, vl);
  memcpy(params + params_len, name, nl); params_len += nl;
  memcpy(params + params_len, value, vl); params_len += vl;
}

static void build(void) {
  char length[32] = "", path[1024];
  if (post) snprintf(length, sizeof length, "%ld", post);
  snprintf(path, sizeof path, "%s", uri);
  char *query = strchr(path, '?');
  if (query) *query++ = 0;
  const char *fixed[][2] = {
    {"QUERY_STRING", query ? query : ""}, {"REQUEST_METHOD", post ? "POST" : "GET"},
    {"CONTENT_TYPE", post ? "application/octet-stream" : ""}, {"CONTENT_LENGTH", length},
    {"SCRIPT_NAME", path}, {"REQUEST_URI", uri}, {"DOCUMENT_URI", path},
    {"DOCUMENT_ROOT", "/usr/share/nginx/html"}, {"SERVER_PROTOCOL", "HTTP/1.1"},
    {"REQUEST_SCHEME", "http"}, {"GATEWAY_INTERFACE", "CGI/1.1"},
    {"SERVER_SOFTWARE", "nginx/1.22.1"}, {"REMOTE_ADDR", "127.0.0.1"}, {"REMOTE_PORT", "51234"},
    {"REMOTE_USER", ""}, {"SERVER_ADDR", "127.0.0.1"}, {"SERVER_PORT", "8080"},
    {"SERVER_NAME", "localhost"}, {"REDIRECT_STATUS", "200"}, {"HTTP_HOST", "localhost:8080"},
    {"HTTP_USER_AGENT",
     "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"},
    {"HTTP_ACCEPT", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"},
    {"HTTP_ACCEPT_LANGUAGE", "en-US,en;q=0.5"}, {"HTTP_ACCEPT_ENCODING", "gzip, deflate, br"},
    {"HTTP_CONNECTION", "keep-alive"},
    {"HTTP_COOKIE", "session=0123456789abcdef0123456789abcdef; theme=dark"},
  };
  for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++) param(fixed[i][0], fixed[i][1]);
  for (int i = 0; i < extra; i++) {
    char name[40];
    snprintf(name, sizeof name, "HTTP_X_EXTRA_%d", i);
    param(name, "some header value of ordinary length");
  }
  for (int i = 0; i < more_count; i++) {
    char *name = strdup(more[i]), *value = strchr(name, '=');
    if (!value) fail("-p wants NAME=VALUE");
    *value++ = 0;
    param(name, value);
    free(name);
  }
  static unsigned char body[BODY_RECORD], begin[8] = {0, 1};
  memset(body, 'x', sizeof body);
  begin[2] = keep;
  for (int id = 1; id <= depth; id++) {
    unsigned char *p = request[id] = malloc(200 + params_len + post + 16 * (post / BODY_RECORD + 2));
    p += put_record(p, BEGIN, id, begin, 8);
    p += put_record(p, PARAMS, id, params, params_len);
    p += put_record(p, PARAMS, id, NULL, 0);
    for (long left = post; left > 0; left -= BODY_RECORD)
      p += put_record(p, STDIN, id, body, left < BODY_RECORD ? left : BODY_RECORD);
    p += put_record(p, STDIN, id, NULL, 0);
    request_len = p - request[id];
  }
}

/* ---- a connection ---- */

static void watch_writable(Conn *c, int on) {
  if (c->pollout == on) return;
  c->pollout = on;
  struct epoll_event e = {.events = EPOLLIN | (on ? EPOLLOUT : 0), .data.ptr = c};
  epoll_ctl(ep, EPOLL_CTL_MOD, c->fd, &e);
}

static void flush(Conn *c) {
  while (c->out_off < c->out_len) {
    ssize_t n = send(c->fd, c->out + c->out_off, c->out_len - c->out_off, MSG_NOSIGNAL);
    if (n < 0) { /* anything but EAGAIN comes back as a hang-up, with the recv() after it */
      if (errno == EAGAIN) watch_writable(c, 1);
      return;
    }
    c->out_off += n;
  }
  c->out_off = c->out_len = 0;
  watch_writable(c, 0);
}

static void queue(Conn *c, int id) {
  if (c->out_off) { /* a server may answer before it has read all of a body */
    memmove(c->out, c->out + c->out_off, c->out_len - c->out_off);
    c->out_len -= c->out_off;
    c->out_off = 0;
  }
  if (c->out_len + request_len > c->out_cap) {
    c->out_cap = (c->out_len + request_len) * 2;
    if (!(c->out = realloc(c->out, c->out_cap))) fail("Out of memory");
  }
  memcpy(c->out + c->out_len, request[id], request_len);
  c->out_len += request_len;
  c->start[id] = now();
  c->inflight++;
}

static void dial(Conn *c) {
  int one = 1;
  for (;;) {
    c->fd = socket(addr.ss_family, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (addr.ss_family == AF_INET) setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(c->fd, (void *)&addr, addr_len) == 0 || errno == EINPROGRESS) break;
    if (errno != EAGAIN) { perror("fcgiload: connect"); exit(2); }
    close(c->fd); /* the backlog of a Unix socket is full */
    errors++;
    if (now() >= deadline) { c->fd = -1; return; }
    usleep(500);
  }
  c->header_got = c->end_got = c->remaining = c->inflight = 0;
  c->out_off = c->out_len = 0;
  c->pollout = 1;
  struct epoll_event e = {.events = EPOLLIN | EPOLLOUT, .data.ptr = c};
  epoll_ctl(ep, EPOLL_CTL_ADD, c->fd, &e);
  for (int id = 1; id <= depth; id++) queue(c, id);
}

static void answered(Conn *c) {
  if (c->id < 1 || c->id > depth) { errors++; return; }
  if (c->end_got < 5 || c->end[4] != 0) errors++; /* protocolStatus */
  if (samples < MAX_SAMPLES) latency[samples++] = (now() - c->start[c->id]) * 1e6;
  done++;
  c->replies++;
  c->inflight--;
  if (limit && done >= limit) stopped = 1;
  else if (keep) queue(c, c->id);
}

static void receive(Conn *c, const unsigned char *b, int n) {
  for (int i = 0; i < n && !stopped;) {
    if (c->header_got < 8) {
      c->header[c->header_got++] = b[i++];
      if (c->header_got < 8) continue;
      if (c->header[0] != 1) fail("A record of another version than 1");
      c->type = c->header[1];
      c->id = c->header[2] << 8 | c->header[3];
      c->content = c->header[4] << 8 | c->header[5];
      c->padding = c->header[6];
      c->remaining = c->content + c->padding;
      c->end_got = 0;
    }
    int take = c->remaining < n - i ? c->remaining : n - i;
    int content = c->remaining - c->padding;
    if (content > take) content = take;
    if (c->type == STDOUT && content > 0) {
      bytes += content;
      if (verbose) fwrite(b + i, 1, content, stdout);
    }
    if (c->type == END)
      for (int k = 0; k < content && c->end_got < 8; k++) c->end[c->end_got++] = b[i + k];
    i += take;
    c->remaining -= take;
    if (c->remaining > 0) continue;
    c->header_got = 0;
    if (c->type == END) answered(c);
  }
}

/* ---- the CPU time of a process tree, in clock ticks ---- */

static unsigned long cpu_ticks(int p) {
  char name[300], line[1024];
  unsigned long user = 0, system = 0, total;
  long reaped_user = 0, reaped_system = 0;
  snprintf(name, sizeof name, "/proc/%d/stat", p);
  FILE *f = fopen(name, "r");
  if (!f) return 0;
  line[fread(line, 1, sizeof line - 1, f)] = 0;
  fclose(f);
  char *after_name = strrchr(line, ')');
  if (after_name)
    sscanf(after_name + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %ld %ld",
           &user, &system, &reaped_user, &reaped_system);
  total = user + system + reaped_user + reaped_system;
  snprintf(name, sizeof name, "/proc/%d/task", p);
  DIR *tasks = opendir(name);
  for (struct dirent *t; tasks && (t = readdir(tasks));) {
    if (t->d_name[0] == '.') continue;
    snprintf(name, sizeof name, "/proc/%d/task/%.20s/children", p, t->d_name);
    if (!(f = fopen(name, "r"))) continue;
    for (int child; fscanf(f, "%d", &child) == 1;) total += cpu_ticks(child);
    fclose(f);
  }
  if (tasks) closedir(tasks);
  return total;
}

/* ---- */

static long unanswered(const Conn *all) {
  long n = 0;
  for (int i = 0; i < conns; i++) n += all[i].replies == 0;
  return n;
}

static int is_over(const Conn *all) {
  double late = now() - deadline;
  return stopped || late >= PATIENCE || (late >= 0 && unanswered(all) == 0);
}

static void parse_target(const char *target) {
  struct sockaddr_un *u = (void *)&addr;
  struct sockaddr_in *a = (void *)&addr;
  char host[64];
  const char *colon = strrchr(target, ':');
  if (!strncmp(target, "unix:", 5)) {
    if (strlen(target + 5) >= sizeof u->sun_path) fail("The path of the socket is too long");
    u->sun_family = AF_UNIX;
    strcpy(u->sun_path, target + 5);
    addr_len = sizeof *u;
    return;
  }
  if (!colon) fail("-s wants unix:/path or address:port");
  snprintf(host, sizeof host, "%.*s", (int)(colon - target), target);
  a->sin_family = AF_INET;
  a->sin_port = htons(atoi(colon + 1));
  addr_len = sizeof *a;
  if (inet_pton(AF_INET, host, &a->sin_addr) != 1) fail("-s wants unix:/path or address:port");
}

static int by_value(const void *a, const void *b) {
  float x = *(const float *)a, y = *(const float *)b;
  return (x > y) - (x < y);
}

int main(int argc, char **argv) {
  const char *target = NULL;
  for (int o; (o = getopt(argc, argv, "s:c:t:b:m:KP:u:x:p:n:v")) != -1;) switch (o) {
    case 's': target = optarg; break;
    case 'c': conns = atoi(optarg); break;
    case 't': seconds = atof(optarg); break;
    case 'b': post = atol(optarg); break;
    case 'm': depth = atoi(optarg); break;
    case 'K': keep = 0; break;
    case 'P': pid = atoi(optarg); break;
    case 'u': uri = optarg; break;
    case 'x': extra = atoi(optarg); break;
    case 'p': if (more_count < 64) more[more_count++] = optarg; break;
    case 'n': limit = atol(optarg); break;
    case 'v': verbose = 1; break;
    default: return 2;
  }
  if (!target || conns < 1 || depth < 1 || depth > MAX_DEPTH) fail("Wrong arguments: see the source");
  if (!keep && depth > 1) fail("-m needs FCGI_KEEP_CONN");
  parse_target(target);
  build();
  latency = malloc(MAX_SAMPLES * sizeof *latency);
  Conn *all = calloc(conns, sizeof *all);
  ep = epoll_create1(0);

  double begin = now();
  deadline = begin + seconds;
  unsigned long ticks = pid ? cpu_ticks(pid) : 0;
  for (int i = 0; i < conns; i++) dial(&all[i]);
  static unsigned char buffer[262144];
  struct epoll_event events[256];
  while (!is_over(all)) {
    int n = epoll_wait(ep, events, 256, 100);
    for (int i = 0; i < n && !stopped; i++) {
      Conn *c = events[i].data.ptr;
      if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
        ssize_t got = recv(c->fd, buffer, sizeof buffer, 0);
        if (got > 0) receive(c, buffer, got);
        else if (got == 0 || errno != EAGAIN) {
          if (c->inflight > 0) errors += c->inflight;
          close(c->fd);
          dial(c);
          continue;
        }
      }
      if (c->out_len) flush(c);
      else watch_writable(c, 0);
    }
  }
  double spent = now() - begin;
  ticks = pid ? cpu_ticks(pid) - ticks : 0;
  qsort(latency, samples, sizeof *latency, by_value);
  fprintf(verbose ? stderr : stdout,
          "{\"requests\":%ld,\"seconds\":%.3f,\"rps\":%.0f,\"p50_us\":%.0f,\"p99_us\":%.0f,"
          "\"stdout_bytes\":%ld,\"errors\":%ld,\"idle_conns\":%ld,\"cpu_us_per_req\":%.3f}\n",
          done, spent, done / spent, samples ? latency[samples / 2] : 0,
          samples ? latency[(long)(samples * .99)] : 0, bytes, errors, unanswered(all),
          pid && done ? ticks * 1e6 / sysconf(_SC_CLK_TCK) / done : 0);
  if (done > 0 && done >= limit) return 0;
  fprintf(stderr, "fcgiload: %ld requests answered in %.1f s, %ld errors\n", done, spent, errors);
  return 1;
}
