/* The yardstick: libfcgi, threaded as its own examples/threaded.c is. It answers "Hello, world!", or
 * a request that has a body with the number of its bytes.
 *
 *   libfcgi /path/of/the/socket threads
 *
 * A libfcgi thread stays with a keep-alive connection until that closes, so there must be as many
 * threads as the load generator has connections, or the others wait for ever. */
#include <fcgiapp.h>
#include <pthread.h>
#include <stdlib.h>

static int listener;

static void answer(FCGX_Request *request) {
  char buffer[65536];
  long bytes = 0;
  for (int n; (n = FCGX_GetStr(buffer, sizeof buffer, request->in)) > 0;) bytes += n;
  FCGX_FPrintF(request->out, "Content-Type: text/plain\r\n\r\n");
  if (bytes) FCGX_FPrintF(request->out, "%ld", bytes);
  else FCGX_FPrintF(request->out, "Hello, world!\n");
}

static void *work(void *unused) {
  FCGX_Request request;
  (void)unused;
  FCGX_InitRequest(&request, listener, 0);
  while (FCGX_Accept_r(&request) == 0) {
    answer(&request);
    FCGX_Finish_r(&request);
  }
  return NULL;
}

int main(int argc, char **argv) {
  if (argc < 3) return 2;
  FCGX_Init();
  if ((listener = FCGX_OpenSocket(argv[1], 128)) < 0) return 1;
  for (int i = atoi(argv[2]); i > 1; i--) {
    pthread_t thread;
    pthread_create(&thread, NULL, work, NULL);
  }
  work(NULL);
  return 1;
}
