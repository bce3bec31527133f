/*
 * A disk for tests, put before libc's. It notes in $SYNCED, for each file that was synced, its name and how long it was
 * before that: what is behind would be gone if the power failed. And while the file $DISK_FULL is there, no file can be
 * written to.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static int is_file(int fd, struct stat *found) { return fstat(fd, found) == 0 && S_ISREG(found->st_mode); }

static int noted(int fd, const char *call) {
  int (*sync)(int) = (int (*)(int))dlsym(RTLD_NEXT, call);
  const char *notes = getenv("SYNCED");
  struct stat found;
  char link[64], name[4096], line[4200];
  int known = notes != NULL && is_file(fd, &found);
  int result = sync(fd);
  if (!known || result != 0) return result;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, name, sizeof name - 1);
  int out = open(notes, O_WRONLY | O_APPEND | O_CREAT, 0600);
  if (length > 0 && out >= 0) {
    name[length] = 0;
    int size = snprintf(line, sizeof line, "%lld %s\n", (long long)found.st_size, name);
    ssize_t (*put)(int, const void *, size_t) = (ssize_t(*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write");
    if (put(out, line, size) != size) abort();
  }
  close(out);
  return result;
}

int fsync(int fd) { return noted(fd, "fsync"); }

int fdatasync(int fd) { return noted(fd, "fdatasync"); }

ssize_t write(int fd, const void *bytes, size_t count) {
  static ssize_t (*put)(int, const void *, size_t);
  const char *full = getenv("DISK_FULL");
  struct stat found;
  if (put == NULL) put = (ssize_t(*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write");
  if (full != NULL && is_file(fd, &found) && access(full, F_OK) == 0) {
    errno = ENOSPC;
    return -1;
  }
  return put(fd, bytes, count);
}
