// SPDX-License-Identifier: GPL-2.0
/*
 * The device under test and its fake server: see common.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "common.h"

#define BEAT_MS 10

uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000ULL + now.tv_nsec / 1000000;
}

/* Read and written under the lock: when the last beat was, and what was lost until then. */
static struct {
	pthread_mutex_t lock;
	uint64_t last;
	uint64_t lost;
} beats = { .lock = PTHREAD_MUTEX_INITIALIZER };

static uint64_t fair_now(uint64_t now)
{
	uint64_t latest = beats.last + 2 * BEAT_MS;

	return (now < latest ? now : latest) - beats.lost;
}

static void *beat(void *data)
{
	uint64_t now;

	for (;;) {
		sleep_ms(BEAT_MS);
		pthread_mutex_lock(&beats.lock);
		now = now_ms();
		beats.lost = now - fair_now(now);
		beats.last = now;
		pthread_mutex_unlock(&beats.lock);
	}
	return data;
}

/*
 * A clock for upper bounds, which stands still while the machine does: when a thread
 * that sleeps for a moment is woken late, nobody else could have been in time.
 * Counts from its first use in a process, and not in that one's children.
 */
uint64_t fair_ms(void)
{
	pthread_t thread;
	uint64_t now;

	pthread_mutex_lock(&beats.lock);
	now = now_ms();
	if (!beats.last) {
		beats.last = now;
		pthread_create(&thread, NULL, beat, NULL);
	}
	now = fair_now(now);
	pthread_mutex_unlock(&beats.lock);
	return now;
}

void sleep_ms(unsigned int ms)
{
	struct timespec time = { ms / 1000, (ms % 1000) * 1000000L };

	while (nanosleep(&time, &time) && errno == EINTR)
		;
}

bool eventually(bool (*is_true)(void *data), void *data, unsigned int ms)
{
	uint64_t end = now_ms() + ms;

	while (!is_true(data)) {
		if (now_ms() > end)
			return false;
		sleep_ms(2);
	}
	return true;
}

const char *control_path(void)
{
	return getenv("VTPM_TEST_CONTROL") ?: "/dev/vtpmx";
}

int control_open(void)
{
	int fd = open(control_path(), O_RDWR | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int call(int fd, unsigned long cmd, void *arg)
{
	int rc = ioctl(fd, cmd, arg);

	return rc < 0 ? -errno : rc;
}

void device_name(struct device *device)
{
	static unsigned int number;

	snprintf(device->name, sizeof(device->name), "test-%d.%u", getpid(), number);
	memset(device->uuid, 0x40, sizeof(device->uuid));
	put_u32(device->uuid, getpid());
	put_u32(device->uuid + 4, number++);
}

int device_create(struct device *device, int control, const struct vtpm_create *wish)
{
	struct vtpm_create *create = &device->create;
	int rc;

	if (!device->name[0])
		device_name(device);
	device->control = control;
	memset(create, 0, sizeof(*create));
	if (wish)
		*create = *wish;
	create->size = sizeof(*create);
	create->front_end = create->front_end ?: VTPM_FRONT_END_DEVICE;
	memcpy(create->name, device->name, sizeof(create->name));
	memcpy(create->uuid, device->uuid, sizeof(create->uuid));
	rc = call(control, VTPM_IOC_CREATE, create);
	snprintf(device->raw, sizeof(device->raw), "/dev/vtpm%u", create->index);
	snprintf(device->rm, sizeof(device->rm), "/dev/vtpmrm%u", create->index);
	return rc;
}

int device_destroy(struct device *device)
{
	struct vtpm_destroy arg = { .size = sizeof(arg) };

	memcpy(arg.name, device->name, sizeof(arg.name));
	return call(device->control, VTPM_IOC_DESTROY, &arg);
}

int device_attach(struct device *device, uint32_t flags)
{
	struct vtpm_attach arg = { .size = sizeof(arg), .flags = flags };
	int rc;

	memcpy(arg.name, device->name, sizeof(arg.name));
	if (flags & VTPM_ATTACH_RESUME)
		arg.instance = device->instance;
	rc = call(device->control, VTPM_IOC_ATTACH, &arg);
	if (rc)
		return rc;
	device->instance = arg.instance;
	return arg.fd;
}

int device_detach(struct device *device)
{
	struct vtpm_detach arg = { .size = sizeof(arg) };

	memcpy(arg.name, device->name, sizeof(arg.name));
	return call(device->control, VTPM_IOC_DETACH, &arg);
}

int device_info(struct device *device, struct vtpm_info *ret_info)
{
	*ret_info = (struct vtpm_info){ .size = sizeof(*ret_info) };
	memcpy(ret_info->name, device->name, sizeof(ret_info->name));
	return call(device->control, VTPM_IOC_INFO, ret_info);
}

int device_open(struct device *device, const char *node, int flags)
{
	int fd;

	(void)device;
	fd = open(node, O_RDWR | O_CLOEXEC | flags);
	return fd < 0 ? -errno : fd;
}

struct waiting {
	struct device *device;
	unsigned int count;
};

static bool is_waiting(void *data)
{
	struct waiting *waiting = data;
	struct vtpm_info info;

	return !device_info(waiting->device, &info) && info.queued >= waiting->count;
}

/* Whether @count requests, OPENs among them, come to wait for the server. */
bool device_queues(struct device *device, unsigned int count)
{
	return eventually(is_waiting, &(struct waiting){ device, count }, PATIENCE_MS);
}

/* What a test that was killed left behind. */
void destroy_all(void)
{
	struct vtpm_list_entry entries[64];
	struct vtpm_list list = {
		.size = sizeof(list),
		.entries = (uintptr_t)entries,
		.count = ARRAY_LENGTH(entries),
	};
	struct device device;
	unsigned int i;

	device.control = control_open();
	while (!call(device.control, VTPM_IOC_LIST, &list) && list.count) {
		for (i = 0; i < list.count; i++) {
			memcpy(device.name, entries[i].name, sizeof(device.name));
			device_destroy(&device);
		}
		list.count = ARRAY_LENGTH(entries);
	}
	close(device.control);
}

int server_exchange(int fd, const struct vtpm_answer *answer, size_t answer_size,
		    struct frame *frame)
{
	struct vtpm_exchange arg = {
		.size = sizeof(arg),
		.answer = (uintptr_t)answer,
		.answer_size = answer_size,
		.frame = (uintptr_t)frame,
		.frame_size = frame ? sizeof(*frame) : 0,
	};

	return call(fd, VTPM_IOC_EXCHANGE, &arg);
}

int server_fetch(int fd, struct frame *frame)
{
	return server_exchange(fd, NULL, 0, frame);
}

int server_answer(int fd, uint64_t id, int error, const void *response, size_t size)
{
	struct {
		struct vtpm_answer head;
		uint8_t response[VTPM_COMMAND_SIZE];
	} answer = {
		.head = { .size = sizeof(answer.head) + size, .error = error, .id = id },
	};

	if (size)
		memcpy(answer.response, response, size);
	return server_exchange(fd, &answer.head, answer.head.size, NULL);
}

/* OPEN and CLOSE want nothing; a command comes back as a response with code 0. */
int server_echo(int fd, const struct frame *frame)
{
	uint8_t response[VTPM_COMMAND_SIZE];
	size_t size = frame->head.size - sizeof(frame->head);

	if (frame->head.kind != VTPM_FRAME_COMMAND)
		return server_answer(fd, frame->head.id, 0, NULL, 0);
	memcpy(response, frame->payload, size);
	put_u32(response + 6, 0);
	return server_answer(fd, frame->head.id, 0, response, size);
}

/* The next command; whoever comes or goes before it is answered. */
int server_fetch_command(int fd, struct frame *frame)
{
	int rc;

	for (;;) {
		rc = server_fetch(fd, frame);
		if (rc < 0 || frame->head.kind == VTPM_FRAME_COMMAND)
			return rc;
		if (frame->head.id)
			server_echo(fd, frame);
	}
}

/* Echo all that is there. */
int server_drain(int fd)
{
	struct frame frame;
	int rc;

	fcntl(fd, F_SETFL, O_NONBLOCK);
	while ((rc = server_fetch(fd, &frame)) > 0)
		if (frame.head.id)
			server_echo(fd, &frame);
	fcntl(fd, F_SETFL, 0);
	return rc == -EAGAIN ? 0 : rc;
}

static void *serve(void *data)
{
	struct server *server = data;
	struct frame frame;
	int rc;

	while (!__atomic_load_n(&server->stop, __ATOMIC_SEQ_CST)) {
		rc = server_fetch(server->fd, &frame);
		if (rc == -EPIPE)
			break;
		if (rc < 0)
			continue;
		if (frame.head.kind == VTPM_FRAME_COMMAND)
			__atomic_fetch_add(&server->commands, 1, __ATOMIC_SEQ_CST);
		else if (frame.head.kind == VTPM_FRAME_OPEN)
			__atomic_fetch_add(&server->opens, 1, __ATOMIC_SEQ_CST);
		else if (frame.head.kind == VTPM_FRAME_CLOSE)
			__atomic_fetch_add(&server->closes, 1, __ATOMIC_SEQ_CST);
		if (frame.head.id)
			server_echo(server->fd, &frame);
	}
	return NULL;
}

int server_start(struct server *server, int fd)
{
	*server = (struct server){ .fd = fd };
	return -pthread_create(&server->thread, NULL, serve, server);
}

/* Ends the thread, not the file. */
void server_stop(struct server *server)
{
	__atomic_store_n(&server->stop, true, __ATOMIC_SEQ_CST);
	ioctl(server->fd, VTPM_IOC_WAKE);
	pthread_join(server->thread, NULL);
}

/* A process that attaches and serves; returns once it is attached. */
pid_t server_fork(struct device *device, uint32_t flags)
{
	struct server server = { 0 };
	int ready[2], rc;
	pid_t pid;

	if (pipe(ready))
		return -errno;
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		rc = server.fd = device_attach(device, flags);
		if (write(ready[1], &rc, sizeof(rc)) == sizeof(rc) &&
		    write(ready[1], &device->instance, sizeof(device->instance)) > 0 && rc >= 0)
			serve(&server);
		_exit(0);
	}
	close(ready[1]);
	if (read(ready[0], &rc, sizeof(rc)) != sizeof(rc) || rc < 0 ||
	    read(ready[0], &device->instance, sizeof(device->instance)) < 0)
		pid = pid < 0 ? pid : -ECHILD;
	close(ready[0]);
	return pid;
}

void put_u16(uint8_t *bytes, uint16_t value)
{
	bytes[0] = value >> 8;
	bytes[1] = value;
}

void put_u32(uint8_t *bytes, uint32_t value)
{
	put_u16(bytes, value >> 16);
	put_u16(bytes + 2, value);
}

uint32_t get_u32(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] << 24 | bytes[1] << 16 | bytes[2] << 8 | bytes[3];
}

size_t tpm_build(uint8_t *bytes, uint16_t tag, uint32_t code, const void *body, size_t size)
{
	put_u16(bytes, tag);
	put_u32(bytes + 2, TPM_HEAD + size);
	put_u32(bytes + 6, code);
	if (size)
		memcpy(bytes + TPM_HEAD, body, size);
	return TPM_HEAD + size;
}

size_t tpm_command(uint8_t *bytes, uint32_t code, uint32_t marker)
{
	uint8_t body[4];

	put_u32(body, marker);
	return tpm_build(bytes, TPM_NO_SESSIONS, code, body, sizeof(body));
}

/* Through a client's file, of a server that is a TPM. */
int tpm_get_random(int fd)
{
	uint8_t command[32], response[128], body[2] = { 0, 8 };
	ssize_t size = tpm_build(command, TPM_NO_SESSIONS, TPM_CC_GET_RANDOM, body, sizeof(body));

	if (write(fd, command, size) != size)
		return -errno;
	size = read(fd, response, sizeof(response));
	if (size < 0)
		return -errno;
	return size == TPM_HEAD + 2 + 8 ? 0 : -EBADMSG;
}

uint32_t tpm_size(const uint8_t *bytes)
{
	return get_u32(bytes + 2);
}

uint32_t tpm_code(const uint8_t *bytes)
{
	return get_u32(bytes + 6);
}

uint32_t tpm_marker(const uint8_t *bytes)
{
	return get_u32(bytes + TPM_HEAD);
}

static int write_command(int fd, uint32_t code, uint32_t marker)
{
	uint8_t command[64];
	size_t size = tpm_command(command, code, marker);
	ssize_t rc = write(fd, command, size);

	return rc < 0 ? -errno : rc == (ssize_t)size ? 0 : -EMSGSIZE;
}

int client_write(int fd, uint32_t marker)
{
	return write_command(fd, TPM_CC_GET_RANDOM, marker);
}

/* May run for 300 s, whatever the device's limit. */
int client_write_long(int fd, uint32_t marker)
{
	return write_command(fd, TPM_CC_CREATE_PRIMARY, marker);
}

int client_read(int fd, uint32_t *ret_marker)
{
	uint8_t response[VTPM_COMMAND_SIZE];
	ssize_t rc = read(fd, response, sizeof(response));

	if (rc < 0)
		return -errno;
	if (rc != TPM_HEAD + 4 || tpm_size(response) != rc || tpm_code(response))
		return rc ? -EBADMSG : -ENODATA;
	*ret_marker = tpm_marker(response);
	return 0;
}

/* One command and its own answer: 0, a negative errno, -EBADMSG for another's. */
int client_run(int fd, uint32_t marker)
{
	uint32_t got;
	int rc;

	rc = client_write(fd, marker);
	if (!rc)
		rc = client_read(fd, &got);
	return rc ? rc : got == marker ? 0 : -EBADMSG;
}

/* Unknown to the compiler. */
void *bad_address(void)
{
	return (void *)8;
}

/* A page whose end is the end of what is mapped. */
void *page_before_hole(void)
{
	size_t page = sysconf(_SC_PAGESIZE);
	uint8_t *map = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			    -1, 0);

	if (map == MAP_FAILED)
		return NULL;
	munmap(map + page, page);
	return map;
}

struct process {
	pid_t pid;
	char state;
};

static bool is_in_state(void *data)
{
	struct process *process = data;
	char path[32], state = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", process->pid);
	file = fopen(path, "r");
	if (!file)
		return false;
	if (fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
		state = 0;
	fclose(file);
	return state == process->state;
}

/* Whether a process gets into a state of proc(5): S sleeps, T is stopped. */
bool process_becomes(pid_t pid, char state)
{
	return eventually(is_in_state, &(struct process){ pid, state }, PATIENCE_MS);
}

/* Exit status of a child, 128 + signal. */
int wait_exit(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* For a child process: no way back. */
int drop_to_user(uid_t uid)
{
	return setgroups(0, NULL) || setresgid(uid, uid, uid) || setresuid(uid, uid, uid) ? -errno
											  : 0;
}

/* A parameter of the module. */
int parameter_set(const char *name, unsigned int value, unsigned int *ret_old)
{
	char path[128];
	FILE *file;
	int rc = 0;

	snprintf(path, sizeof(path), "/sys/module/vtpm/parameters/%s", name);
	file = fopen(path, "r+");
	if (!file)
		return -errno;
	if (ret_old && fscanf(file, "%u", ret_old) != 1)
		rc = -EIO;
	rewind(file);
	fprintf(file, "%u\n", value);
	return fclose(file) ? -errno : rc;
}
