/* The tutorial's program: says hello on both streams, shows its environment and its arguments, lives a second. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

extern char **environ;

int main(int argc, char **argv) {
  setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
  puts("hello from stdout!");
  fputs("hello from stderr!\n", stderr);
  for (char **variable = environ; *variable != NULL; variable++) puts(*variable);
  for (int i = 1; i < argc; i++) puts(argv[i]);

  const char *sleep_ms = getenv("HELLO_SLEEP_MS");
  usleep((sleep_ms == NULL ? 1000 : atoi(sleep_ms)) * 1000);
  return 0;
}
