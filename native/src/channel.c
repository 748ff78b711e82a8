// Sends and receives messages with descriptors, and packs the spec of a process into one of them.
#include "channel.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "kernel.h"

struct packed_head {
  uint32_t argument_count, environment_count, file_count, device_count, calls;
  uint64_t capabilities;
  uint32_t flags, timeout_ms;
  uint16_t rows, columns, umask;
  uint8_t stdin_kind;
};

int channel_send(int socket, const void *data, size_t length, const int *fds, size_t fd_count) {
  char control[CMSG_SPACE(sizeof(int) * CHANNEL_FDS_MAX)] = {0};
  struct iovec part = {.iov_base = (void *)(uintptr_t)data, .iov_len = length};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
  if (fd_count > 0) {
    message.msg_control = control;
    message.msg_controllen = CMSG_SPACE(sizeof(int) * fd_count);
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int) * fd_count);
    memcpy(CMSG_DATA(header), fds, sizeof(int) * fd_count);
  }
  ssize_t sent = -1;
  do sent = sendmsg(socket, &message, MSG_NOSIGNAL);
  while (sent < 0 && errno == EINTR);
  if (sent < 0) return -1;
  if ((size_t)sent != length) return errno = EPROTO, -1;
  return 0;
}

static int take_control(struct msghdr *message, int *fds, size_t *fd_count, pid_t *sender) {
  int status = 0;
  for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header != NULL; header = CMSG_NXTHDR(message, header)) {
    if (header->cmsg_level != SOL_SOCKET) continue;
    if (header->cmsg_type == SCM_CREDENTIALS) {
      struct ucred credentials;
      memcpy(&credentials, CMSG_DATA(header), sizeof credentials);
      if (sender != NULL) *sender = credentials.pid;
    } else if (header->cmsg_type == SCM_RIGHTS) {
      size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
      for (size_t i = 0; i < count; i++) {
        int fd;
        memcpy(&fd, CMSG_DATA(header) + i * sizeof(int), sizeof fd);
        if (fds != NULL && *fd_count < CHANNEL_FDS_MAX) fds[(*fd_count)++] = fd;
        else close(fd), status = -1;
      }
    }
  }
  return status;
}

ssize_t channel_receive(int socket, void *data, size_t capacity, int *fds, size_t *fd_count, pid_t *sender,
                        int timeout_ms) {
  char control[CMSG_SPACE(sizeof(int) * CHANNEL_FDS_MAX) + CMSG_SPACE(sizeof(struct ucred))] = {0};
  struct iovec part = {.iov_base = data, .iov_len = capacity};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  if (fd_count != NULL) *fd_count = 0;
  struct pollfd wait = {.fd = socket, .events = POLLIN};
  int ready = -1;
  do ready = poll(&wait, 1, timeout_ms);
  while (ready < 0 && errno == EINTR);
  if (ready < 0) return -1;
  if (ready == 0) return errno = ETIMEDOUT, -1;
  ssize_t got = -1;
  do got = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  while (got < 0 && errno == EINTR);
  if (got < 0) return errno == ECONNRESET ? 0 : -1;
  size_t none = 0;
  int control_status = take_control(&message, fds, fd_count == NULL ? &none : fd_count, sender);
  if (control_status == 0 && (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0) return got;
  for (size_t i = 0; fd_count != NULL && i < *fd_count; i++) close(fds[i]);
  if (fd_count != NULL) *fd_count = 0;
  return errno = EPROTO, -1;
}

static int put(int fd, const void *data, size_t length) {
  const char *next = data;
  while (length > 0) {
    ssize_t written = write(fd, next, length);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return -1;
    next += written;
    length -= (size_t)written;
  }
  return 0;
}

static int put_string(int fd, const char *string) {
  return put(fd, string, strlen(string) + 1);
}

static uint32_t count_of(char *const *list) {
  uint32_t count = 0;
  while (list[count] != NULL) count++;
  return count;
}

static int put_file(int fd, const struct exec_file *file) {
  uint64_t sizes[2] = {file->mode, file->content.bytes.length};
  if (put(fd, sizes, sizeof sizes) < 0 || put_string(fd, file->name) < 0) return -1;
  return put(fd, file->content.bytes.data, file->content.bytes.length);
}

// Looked up here, on the host: what it is called elsewhere is the tree's to say.
static int put_device(int fd, const struct exec_device *device) {
  struct stat status;
  if (stat(device->path, &status) < 0) return -1;
  uint64_t facts[2] = {status.st_mode & S_IFMT, status.st_rdev};
  if (!S_ISCHR(status.st_mode) && !S_ISBLK(status.st_mode)) return errno = ENODEV, -1;
  return put(fd, facts, sizeof facts) < 0 ? -1 : put_string(fd, device->path);
}

int spec_pack(const struct exec_spec *spec, int *out, struct err *err) {
  auto_close int fd = memfd_create("crun-spec", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (fd < 0) return err_system(err, errno, "memfd_create", "");
  struct packed_head head = {
      .argument_count = count_of(spec->argv),
      .environment_count = count_of(spec->environment),
      .file_count = (uint32_t)spec->file_count,
      .device_count = (uint32_t)spec->device_count,
      .calls = spec->calls,
      .capabilities = spec->capabilities,
      .flags = spec->flags,
      .timeout_ms = spec->timeout_ms,
      .rows = spec->rows,
      .columns = spec->columns,
      .umask = spec->umask,
      .stdin_kind = spec->stdin_kind,
  };
  bool is_put = put(fd, &head, sizeof head) == 0 &&
                put_string(fd, spec->directory == NULL ? "" : spec->directory) == 0 &&
                put_string(fd, spec->user == NULL ? "" : spec->user) == 0;
  for (uint32_t i = 0; is_put && i < head.argument_count; i++) is_put = put_string(fd, spec->argv[i]) == 0;
  for (uint32_t i = 0; is_put && i < head.environment_count; i++) is_put = put_string(fd, spec->environment[i]) == 0;
  for (uint32_t i = 0; is_put && i < head.device_count; i++) {
    if (put_device(fd, &spec->devices[i]) < 0)
      return err_fail_errno(err, FAILURE_ENTRY, errno, "allow", spec->devices[i].path, "the host has no device %.200s",
                            spec->devices[i].path);
  }
  for (uint32_t i = 0; is_put && i < head.file_count; i++) is_put = put_file(fd, &spec->files[i]) == 0;
  if (!is_put) return err_system(err, errno, "write the process's spec", "");
  *out = steal_fd(&fd);
  return 0;
}

struct cursor {
  char *next;
  char *end;
};

static void *take(struct cursor *from, size_t length) {
  if ((size_t)(from->end - from->next) < length) return NULL;
  void *start = from->next;
  from->next += length;
  return start;
}

static char *take_string(struct cursor *from) {
  char *zero = memchr(from->next, '\0', (size_t)(from->end - from->next));
  return zero == NULL ? NULL : take(from, (size_t)(zero - from->next) + 1);
}

static char **take_strings(struct cursor *from, uint32_t count) {
  if (count > (size_t)(from->end - from->next)) return NULL;
  char **list = calloc((size_t)count + 1, sizeof *list);
  for (uint32_t i = 0; list != NULL && i < count; i++) {
    if ((list[i] = take_string(from)) == NULL) return free(list), NULL;
  }
  return list;
}

static int take_file(struct cursor *from, struct exec_file *file) {
  uint64_t sizes[2];
  void *start = take(from, sizeof sizes);
  if (start == NULL) return -1;
  memcpy(sizes, start, sizeof sizes);
  file->mode = (uint16_t)sizes[0];
  file->content.bytes.length = (size_t)sizes[1];
  file->name = take_string(from);
  file->content.bytes.data = file->name == NULL ? NULL : take(from, (size_t)sizes[1]);
  return file->content.bytes.data == NULL ? -1 : 0;
}

static int take_device(struct cursor *from, struct exec_device *device) {
  uint64_t facts[2];
  void *start = take(from, sizeof facts);
  if (start == NULL) return -1;
  memcpy(facts, start, sizeof facts);
  *device = (struct exec_device){.type = (uint32_t)facts[0], .number = facts[1], .path = take_string(from)};
  return device->path == NULL ? -1 : 0;
}

int spec_unpack(int fd, struct unpacked_spec *out, struct err *err) {
  struct stat status;
  *out = (struct unpacked_spec){0};
  if (fstat(fd, &status) < 0) return err_system(err, errno, "fstat", "the process's spec");
  if (status.st_size < (off_t)sizeof(struct packed_head)) return err_system(err, EPROTO, "read the process's spec", "");
  char *start = mmap(NULL, (size_t)status.st_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
  if (start == MAP_FAILED) return err_system(err, errno, "mmap", "the process's spec");
  out->mapping = start;
  out->size = (size_t)status.st_size;
  struct cursor from = {start, start + out->size};
  struct packed_head head;
  memcpy(&head, take(&from, sizeof head), sizeof head);
  struct exec_spec *spec = &out->spec;
  *spec = (struct exec_spec){.flags = head.flags,
                             .timeout_ms = head.timeout_ms,
                             .rows = head.rows,
                             .columns = head.columns,
                             .umask = head.umask,
                             .stdin_kind = head.stdin_kind,
                             .device_count = head.device_count,
                             .calls = head.calls,
                             .capabilities = head.capabilities,
                             .file_count = head.file_count};
  spec->directory = take_string(&from);
  spec->user = spec->directory == NULL ? NULL : take_string(&from);
  spec->argv = spec->user == NULL ? NULL : take_strings(&from, head.argument_count);
  spec->environment = spec->argv == NULL ? NULL : take_strings(&from, head.environment_count);
  bool is_whole = spec->environment != NULL && head.argument_count > 0 &&
                  head.file_count <= (size_t)(from.end - from.next) &&
                  head.device_count <= (size_t)(from.end - from.next);
  if (is_whole) spec->devices = calloc((size_t)head.device_count + 1, sizeof *spec->devices);
  is_whole = is_whole && spec->devices != NULL;
  for (uint32_t i = 0; is_whole && i < head.device_count; i++) is_whole = take_device(&from, &spec->devices[i]) == 0;
  if (is_whole) spec->files = calloc((size_t)head.file_count + 1, sizeof *spec->files);
  is_whole = is_whole && spec->files != NULL;
  for (uint32_t i = 0; is_whole && i < head.file_count; i++) is_whole = take_file(&from, &spec->files[i]) == 0;
  if (is_whole) return 0;
  spec_forget(out);
  return err_system(err, EPROTO, "read the process's spec", "");
}

void spec_forget(struct unpacked_spec *unpacked) {
  if (unpacked->mapping != NULL) munmap(unpacked->mapping, unpacked->size);
  free(unpacked->spec.argv);
  free(unpacked->spec.environment);
  free(unpacked->spec.devices);
  free(unpacked->spec.files);
  *unpacked = (struct unpacked_spec){0};
}
