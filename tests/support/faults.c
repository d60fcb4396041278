/* Preloaded library that does harm at the n-th change to files below a folder.

   FAULT_FOLDER   folder; changes elsewhere are not counted
   FAULT_COUNTER  file that holds the number of changes so far, of all processes, as 8 bytes
   FAULT_AT       number of the change at which the harm is done; 0: never
   FAULT_ACTION   "fail" (no space left on device, once), "full" (from then on), or the number of a signal

   A change is a write, an fsync, a rename, a link, or the creation of a file or folder. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define NEXT(result, name, ...)                                            \
  static result (*next)(__VA_ARGS__);                                      \
  if (!next) next = (result(*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

static long count_change(const char *counter) {
  static int (*next_open)(const char *, int, ...);
  static ssize_t (*next_write)(int, const void *, size_t, off_t);
  if (!next_open) next_open = dlsym(RTLD_NEXT, "open");
  if (!next_write) next_write = dlsym(RTLD_NEXT, "pwrite");
  int file = next_open(counter, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  long number = 0;
  if (file < 0) return 0;
  flock(file, LOCK_EX);
  if (pread(file, &number, sizeof number, 0) != sizeof number) number = 0;
  number++;
  if (next_write(file, &number, sizeof number, 0) != sizeof number) number = 0;
  close(file);
  return number;
}

/* Returns 1 if the change must fail. */
static int harm(const char *path) {
  const char *folder = getenv("FAULT_FOLDER"), *counter = getenv("FAULT_COUNTER");
  const char *at = getenv("FAULT_AT"), *action = getenv("FAULT_ACTION");
  if (!folder || !counter || strncmp(path, folder, strlen(folder)) != 0) return 0;
  int error = errno;
  long number = count_change(counter), target = at ? atol(at) : 0;
  errno = error;
  if (!target || !action) return 0;
  if (strcmp(action, "fail") == 0) return number == target;
  if (strcmp(action, "full") == 0) return number >= target;
  if (number == target) kill(getpid(), atoi(action));
  return 0;
}

static int harm_at(int folder, const char *name) {
  char path[8192], link[64];
  if (name[0] == '/') return harm(name);
  if (folder == AT_FDCWD) {
    if (!getcwd(path, 4096)) return 0;
  } else {
    snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
    ssize_t size = readlink(link, path, 4095);
    if (size < 0) return 0;
    path[size] = 0;
  }
  strcat(path, "/");
  strncat(path, name, 4000);
  return harm(path);
}

static int harm_file(int file) {
  char path[4096], link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  ssize_t size = readlink(link, path, sizeof path - 1);
  if (size < 0) return 0;
  path[size] = 0;
  return harm(path);
}

static int fails(int harmed) {
  if (harmed) errno = ENOSPC;
  return harmed;
}

ssize_t write(int file, const void *data, size_t size) {
  NEXT(ssize_t, "write", int, const void *, size_t);
  return fails(harm_file(file)) ? -1 : next(file, data, size);
}
ssize_t writev(int file, const struct iovec *parts, int count) {
  NEXT(ssize_t, "writev", int, const struct iovec *, int);
  return fails(harm_file(file)) ? -1 : next(file, parts, count);
}
ssize_t pwrite(int file, const void *data, size_t size, off_t at) {
  NEXT(ssize_t, "pwrite", int, const void *, size_t, off_t);
  return fails(harm_file(file)) ? -1 : next(file, data, size, at);
}
ssize_t pwrite64(int file, const void *data, size_t size, off64_t at) {
  NEXT(ssize_t, "pwrite64", int, const void *, size_t, off64_t);
  return fails(harm_file(file)) ? -1 : next(file, data, size, at);
}
int fsync(int file) {
  NEXT(int, "fsync", int);
  return fails(harm_file(file)) ? -1 : next(file);
}
int fdatasync(int file) {
  NEXT(int, "fdatasync", int);
  return fails(harm_file(file)) ? -1 : next(file);
}
int rename(const char *from, const char *to) {
  NEXT(int, "rename", const char *, const char *);
  return fails(harm_at(AT_FDCWD, to)) ? -1 : next(from, to);
}
int renameat(int folder, const char *from, int target, const char *to) {
  NEXT(int, "renameat", int, const char *, int, const char *);
  return fails(harm_at(target, to)) ? -1 : next(folder, from, target, to);
}
int linkat(int folder, const char *from, int target, const char *to, int flags) {
  NEXT(int, "linkat", int, const char *, int, const char *, int);
  return fails(harm_at(target, to)) ? -1 : next(folder, from, target, to, flags);
}
int mkdir(const char *path, mode_t mode) {
  NEXT(int, "mkdir", const char *, mode_t);
  int exists = access(path, F_OK) == 0;
  return !exists && fails(harm_at(AT_FDCWD, path)) ? -1 : next(path, mode);
}

#define CREATES(flags) (((flags) & O_CREAT) || ((flags) & O_TMPFILE) == O_TMPFILE)
#define MODE(flags, mode)                          \
  mode_t mode = 0;                                 \
  if (CREATES(flags)) {                            \
    va_list arguments;                             \
    va_start(arguments, flags);                    \
    mode = va_arg(arguments, mode_t);              \
    va_end(arguments);                             \
  }

static int creates(int folder, const char *path, int flags) {
  if ((flags & O_TMPFILE) == O_TMPFILE) return 1;
  return (flags & O_CREAT) && faccessat(folder, path, F_OK, 0) != 0;
}

int open(const char *path, int flags, ...) {
  NEXT(int, "open", const char *, int, ...);
  MODE(flags, mode)
  return creates(AT_FDCWD, path, flags) && fails(harm_at(AT_FDCWD, path)) ? -1 : next(path, flags, mode);
}
int open64(const char *path, int flags, ...) {
  NEXT(int, "open64", const char *, int, ...);
  MODE(flags, mode)
  return creates(AT_FDCWD, path, flags) && fails(harm_at(AT_FDCWD, path)) ? -1 : next(path, flags, mode);
}
int openat(int folder, const char *path, int flags, ...) {
  NEXT(int, "openat", int, const char *, int, ...);
  MODE(flags, mode)
  return creates(folder, path, flags) && fails(harm_at(folder, path)) ? -1 : next(folder, path, flags, mode);
}
int openat64(int folder, const char *path, int flags, ...) {
  NEXT(int, "openat64", int, const char *, int, ...);
  MODE(flags, mode)
  return creates(folder, path, flags) && fails(harm_at(folder, path)) ? -1 : next(folder, path, flags, mode);
}
