// SPDX-License-Identifier: GPL-2.0
/*
 * Hostile memory and hostile bytes.
 *
 * A userfaultfd page stops whoever touches it until the test lets it go: a client or a
 * server that is stopped so inside the driver may stop itself, and nobody else,
 * neither DESTROY nor other clients nor time limits. Then both sides are given random
 * bytes of random lengths, by a fixed seed.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "common.h"
#include "harness.h"

#define PAGE 4096

FIXTURE(fault) {
	struct device device;
	int control;
	int fd;
	int client;
	int faults;
	uint8_t *pages;
};

/* Two pages that nobody gets past before release(). */
static int watch(uint8_t *pages)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = {
		.range = { (uintptr_t)pages, 2 * PAGE }, .mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);

	if (fd < 0 || ioctl(fd, UFFDIO_API, &api) || ioctl(fd, UFFDIO_REGISTER, &range))
		return -errno;
	return fd;
}

static bool is_stopped(void *data)
{
	struct pollfd poll_fd = { .fd = *(int *)data, .events = POLLIN };
	struct uffd_msg fault;

	return poll(&poll_fd, 1, 0) == 1 && read(poll_fd.fd, &fault, sizeof(fault)) > 0;
}

static void release(int fd, uint8_t *pages)
{
	struct uffdio_zeropage zero = { .range = { (uintptr_t)pages, 2 * PAGE } };

	ioctl(fd, UFFDIO_ZEROPAGE, &zero);
}

/* A device with time limits, its server and a client. */
static int make(struct device *device, int control, unsigned int ms, int *ret_fd, int *ret_client)
{
	const struct vtpm_create wish = { .running_ms = ms, .detached_ms = ms };
	int rc;

	rc = device_create(device, control, &wish);
	if (rc)
		return rc;
	*ret_fd = device_attach(device, VTPM_ATTACH_RESET);
	*ret_client = device_open(device, device->rm, O_NONBLOCK);
	if (*ret_fd < 0 || *ret_client < 0)
		return -ENODEV;
	return server_drain(*ret_fd);
}

FIXTURE_SETUP(fault)
{
	destroy_all();
	memset(&self->device, 0, sizeof(self->device));
	self->control = control_open();
	ASSERT_LE(0, self->control);
	ASSERT_EQ(0, make(&self->device, self->control, 600000, &self->fd, &self->client));
	self->pages =
		mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->pages);
	self->faults = watch(self->pages);
	if (self->faults < 0)
		SKIP(return, "no userfaultfd");
}

FIXTURE_TEARDOWN(fault)
{
	destroy_all();
	close(self->fd);
	close(self->client);
	close(self->control);
}

static void ignore(int signal)
{
	(void)signal;
}

struct stuck {
	int fd;
	uint8_t *pages;
	ssize_t rc;
};

static void *fetch_stuck(void *data)
{
	struct stuck *stuck = data;

	stuck->rc = server_fetch(stuck->fd, (struct frame *)stuck->pages);
	return NULL;
}

static void *answer_stuck(void *data)
{
	struct stuck *stuck = data;

	stuck->rc = server_exchange(stuck->fd, (struct vtpm_answer *)stuck->pages, 30, NULL);
	return NULL;
}

static void *write_stuck(void *data)
{
	struct stuck *stuck = data;

	stuck->rc = write(stuck->fd, stuck->pages, 14) < 0 ? -errno : 0;
	return NULL;
}

static void *read_stuck(void *data)
{
	struct stuck *stuck = data;

	stuck->rc = read(stuck->fd, stuck->pages, 64) < 0 ? -errno : 0;
	return NULL;
}

/* The server stops while it fetches, or answers: clients time out, DESTROY does not wait. */
TEST_F(fault, server_stops)
{
	struct stuck stuck = { .pages = self->pages };
	struct device device = { 0 };
	struct pollfd poll_fd = { .events = POLLIN };
	struct frame frame;
	pthread_t thread;
	uint64_t begun;
	int fd, client, other;

	ASSERT_EQ(0, make(&device, self->control, LIMIT_MS, &fd, &client));
	stuck.fd = fd;
	poll_fd.fd = client;
	ASSERT_EQ(0, pthread_create(&thread, NULL, fetch_stuck, &stuck));
	ASSERT_EQ(0, client_write(client, 1));
	ASSERT_TRUE(eventually(is_stopped, &self->faults, PATIENCE_MS));
	EXPECT_EQ(1, poll(&poll_fd, 1, PATIENCE_MS));
	EXPECT_EQ(-ETIME, client_read(client, &(uint32_t){ 0 }));
	other = device_open(&device, device.rm, O_NONBLOCK);
	EXPECT_LE(0, other);
	close(other);
	/* Another server may take over. */
	ASSERT_EQ(0, device_detach(&device));
	fd = device_attach(&device, VTPM_ATTACH_RESUME);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, client_write_long(client, 2));
	ASSERT_LT(0, server_fetch_command(fd, &frame));
	EXPECT_EQ(2, tpm_marker(frame.payload));
	ASSERT_EQ(0, server_echo(fd, &frame));
	begun = fair_ms();
	ASSERT_EQ(0, device_destroy(&device));
	EXPECT_GT(PROMISE_MS, fair_ms() - begun);
	release(self->faults, self->pages);
	pthread_join(thread, NULL);
	TH_LOG("the stopped fetch ended with %zd", stuck.rc);
	EXPECT_EQ(-EPIPE, server_fetch(stuck.fd, &frame));
	close(stuck.fd);
	close(client);
	close(fd);
}

TEST_F(fault, answer_stops)
{
	struct stuck stuck = { self->fd, self->pages, 0 };
	struct frame frame;
	pthread_t thread;
	uint64_t begun;

	ASSERT_EQ(0, client_write(self->client, 1));
	ASSERT_LT(0, server_fetch(self->fd, &frame));
	ASSERT_EQ(0, pthread_create(&thread, NULL, answer_stuck, &stuck));
	ASSERT_TRUE(eventually(is_stopped, &self->faults, PATIENCE_MS));
	begun = fair_ms();
	ASSERT_EQ(0, device_destroy(&self->device));
	EXPECT_GT(PROMISE_MS, fair_ms() - begun);
	EXPECT_EQ(-EPIPE, client_read(self->client, &(uint32_t){ 0 }));
	release(self->faults, self->pages);
	pthread_join(thread, NULL);
	/* Zeroes are malformed. */
	EXPECT_TRUE(stuck.rc == -EINVAL || stuck.rc == -EPIPE);
}

static int ask(int fd)
{
	struct vtpm_ask arg = { .size = sizeof(arg) };

	return call(fd, VTPM_IOC_ASK, &arg);
}

static void *proof_stuck(void *data)
{
	struct stuck *stuck = data;
	struct vtpm_proof arg = {
		.size = sizeof(arg), .proof = (uintptr_t)stuck->pages, .length = PAGE,
	};

	stuck->rc = call(stuck->fd, VTPM_IOC_PROOF, &arg);
	return NULL;
}

static int tell(struct device *device)
{
	struct vtpm_tell arg = {
		.size = sizeof(arg), .instance = device->instance, .id = 1,
		.proof = (uintptr_t)"proof", .length = 5,
	};

	memcpy(arg.name, device->name, sizeof(arg.name));
	return call(device->control, VTPM_IOC_TELL, &arg);
}

static int set_locality(int fd)
{
	struct vtpm_locality arg = { .size = sizeof(arg), .locality = 1 };

	return call(fd, VTPM_IOC_LOCALITY, &arg);
}

/* A call that waits for the one that is stopped ends by a signal. */
static int interrupted(int fd, int (*run)(int fd))
{
	pid_t pid = fork();

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		sigaction(SIGALRM, &(struct sigaction){ .sa_handler = ignore }, NULL);
		setitimer(ITIMER_REAL, &(struct itimerval){ { 0, 1000 }, { 0, 1000 } }, NULL);
		_exit(-run(fd));
	}
	return -wait_exit(pid);
}

/* A client stops while it fetches a proof: it has the one file to itself, and no more. */
/* errno:ASK:EAGAIN errno:ASK:EINTR */
TEST_F(fault, asker_stops)
{
	struct stuck stuck = { .pages = self->pages };
	struct device device = { 0 };
	pthread_t thread;
	uint64_t begun;
	int fd, other;

	ASSERT_EQ(0, device_create(&device, self->control, NULL));
	fd = device_attach(&device, VTPM_ATTACH_RESET | VTPM_ATTACH_ASKS);
	ASSERT_LE(0, fd);
	stuck.fd = device_open(&device, device.raw, 0);
	other = device_open(&device, device.rm, 0);
	ASSERT_LE(0, stuck.fd);
	ASSERT_LE(0, other);
	ASSERT_EQ(0, ask(stuck.fd));
	ASSERT_EQ(0, server_drain(fd));
	ASSERT_EQ(0, tell(&device));
	ASSERT_EQ(0, pthread_create(&thread, NULL, proof_stuck, &stuck));
	ASSERT_TRUE(eventually(is_stopped, &self->faults, PATIENCE_MS));
	EXPECT_EQ(0, ask(other));
	EXPECT_EQ(-EINTR, interrupted(stuck.fd, ask));
	fcntl(stuck.fd, F_SETFL, O_NONBLOCK);
	EXPECT_EQ(-EAGAIN, ask(stuck.fd));
	begun = fair_ms();
	ASSERT_EQ(0, device_destroy(&device));
	EXPECT_GT(PROMISE_MS, fair_ms() - begun);
	release(self->faults, self->pages);
	pthread_join(thread, NULL);
	EXPECT_EQ(0, stuck.rc);
	close(other);
	close(stuck.fd);
	close(fd);
}

/* A client stops in its own write() or read(): others run, non-blocking calls return. */
/* errno:WRITE:EAGAIN errno:LOCALITY:EAGAIN errno:LOCALITY:EINTR */
TEST_F(fault, client_stops)
{
	struct stuck stuck = { .pages = self->pages };
	struct server server;
	pthread_t thread;
	uint64_t begun;
	int i, fd, other;

	ASSERT_EQ(0, server_start(&server, self->fd));
	other = device_open(&self->device, self->device.rm, 0);
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, madvise(self->pages, 2 * PAGE, MADV_DONTNEED));
		fd = stuck.fd = device_open(&self->device, self->device.raw, 0);
		ASSERT_LE(0, fd);
		if (i)
			ASSERT_EQ(0, client_write(fd, 1));
		ASSERT_EQ(0, pthread_create(&thread, NULL, i ? read_stuck : write_stuck, &stuck));
		ASSERT_TRUE(eventually(is_stopped, &self->faults, PATIENCE_MS));
		EXPECT_EQ(0, client_run(other, 5));
		EXPECT_EQ(-EINTR, interrupted(fd, set_locality));
		fcntl(fd, F_SETFL, O_NONBLOCK);
		EXPECT_EQ(-EAGAIN, set_locality(fd));
		EXPECT_EQ(-EAGAIN, client_write(fd, 2));
		EXPECT_EQ(-EAGAIN, client_read(fd, &(uint32_t){ 0 }));
		if (i) {
			begun = fair_ms();
			ASSERT_EQ(0, device_destroy(&self->device));
			EXPECT_GT(PROMISE_MS, fair_ms() - begun);
		}
		release(self->faults, self->pages);
		pthread_join(thread, NULL);
		/* Zeroes state size 0. */
		EXPECT_EQ(i ? 0 : -ENODATA, stuck.rc);
		close(fd);
	}
	pthread_join(server.thread, NULL);
	close(other);
}

/*
 * A reader is stopped with the lock that the writer of the same file wants when its
 * answer has come. A writer that is killed goes all the same. Which of the two is first
 * is chance, so it is tried until the reader was a few times.
 */
TEST_F(fault, writer_is_killed)
{
	struct stuck stuck = { .pages = self->pages };
	unsigned int i, behind = 0;
	struct frame frame;
	pthread_t thread;
	pid_t pid;

	for (i = 0; i < 200 && behind < 3; i++) {
		ASSERT_EQ(0, madvise(self->pages, 2 * PAGE, MADV_DONTNEED));
		stuck.fd = device_open(&self->device, self->device.raw, 0);
		ASSERT_LE(0, stuck.fd);
		pid = fork();
		if (pid == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			sched_setscheduler(0, SCHED_IDLE, &(struct sched_param){ 0 });
			_exit(-client_write(stuck.fd, 1));
		}
		ASSERT_LT(0, server_fetch_command(self->fd, &frame));
		ASSERT_EQ(0, pthread_create(&thread, NULL, read_stuck, &stuck));
		sleep_ms(20);
		ASSERT_EQ(0, server_echo(self->fd, &frame));
		ASSERT_TRUE(eventually(is_stopped, &self->faults, PATIENCE_MS));
		sleep_ms(20);
		behind += waitpid(pid, NULL, WNOHANG) == 0;
		kill(pid, SIGKILL);
		wait_exit(pid);
		release(self->faults, self->pages);
		pthread_join(thread, NULL);
		EXPECT_EQ(0, stuck.rc);
		/* The file is as good as before. */
		fcntl(stuck.fd, F_SETFL, O_NONBLOCK);
		EXPECT_EQ(0, client_write(stuck.fd, 2));
		close(stuck.fd);
		ASSERT_EQ(0, server_drain(self->fd));
	}
	TH_LOG("%u of %u writers were behind their reader", behind, i);
	EXPECT_LT(0, behind);
}

/* Whatever the bytes: the driver says yes only to what the other side then gets. */
TEST_F(fault, random_bytes)
{
	static struct { struct vtpm_answer head; uint8_t body[VTPM_COMMAND_SIZE + 64]; } answer;
	static uint8_t bytes[VTPM_COMMAND_SIZE + 64], got[VTPM_COMMAND_SIZE + 64];
	unsigned int i, j, sent = 0, answered = 0;
	struct frame frame;
	size_t size, stated;
	ssize_t rc;

	srandom(2);
	for (i = 0; i < 20000; i++) {
		size = random() % 8 ? random() % 64 : random() % (long)sizeof(bytes);
		for (j = 0; j < 32; j++)
			bytes[j] = random();
		stated = random() % 2 ? size : size + random() % 5 - 2;
		if (random() % 16)
			put_u32(bytes + 2, stated);
		rc = write(self->client, bytes, size);
		if (rc < 0) {
			ASSERT_TRUE(errno == EINVAL || errno == E2BIG || errno == ENODATA ||
				    errno == EPERM);
			continue;
		}
		sent++;
		ASSERT_EQ(rc, size);
		ASSERT_LT(0, server_fetch(self->fd, &frame));
		stated = frame.head.size - sizeof(frame.head);
		ASSERT_EQ(tpm_size(bytes), stated);
		ASSERT_EQ(0, memcmp(frame.payload, bytes, stated));
		do {
			size = random() % 8 ? random() % 64 : random() % (long)sizeof(answer.body);
			answer.head.size = sizeof(answer.head) + size - (random() % 4 == 0);
			answer.head.error = random() % 8 ? 0 : random() % 200;
			answer.head.id = frame.head.id + (random() % 8 == 0);
			put_u32(answer.body + 2, size - (random() % 4 == 0));
			put_u32(answer.body + 6, random());
			rc = server_exchange(self->fd, &answer.head, sizeof(answer.head) + size,
					     NULL);
			ASSERT_TRUE(rc == 0 || rc == -EINVAL || rc == -ESTALE);
			if (rc == -ESTALE && answer.head.id == frame.head.id)
				break;
		} while (rc);
		rc = read(self->client, got, sizeof(got));
		if (rc < 0)
			continue;
		answered++;
		ASSERT_EQ(size, rc);
		ASSERT_EQ(0, memcmp(answer.body, got, size));
		ASSERT_EQ(0, read(self->client, got, sizeof(got)));
	}
	TH_LOG("%u commands of %u were sent, %u responses came", sent, i, answered);
	EXPECT_LT(100, answered);
}

TEST_HARNESS_MAIN
