// SPDX-License-Identifier: GPL-2.0
/*
 * VTPM_IOC_ASK, VTPM_IOC_PROOF and VTPM_IOC_TELL: a client asks, somebody tells.
 *
 * The test is server and manager: it takes the ASK frame, answers it at once, and tells
 * through the control node.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "common.h"
#include "harness.h"

#define AT_ONCE 8
#define SERVES (VTPM_ATTACH_JOURNALS | VTPM_ATTACH_ASKS)

FIXTURE(ask) {
	struct device device;
	int control;
	int server;
	int client;
};

FIXTURE_VARIANT(ask) {
	bool raw;
};

FIXTURE_VARIANT_ADD(ask, raw) { .raw = true };
FIXTURE_VARIANT_ADD(ask, rm) { .raw = false };

FIXTURE_SETUP(ask)
{
	const struct vtpm_create wish = { .mode = 0666 };
	struct device *device = &self->device;

	destroy_all();
	memset(device, 0, sizeof(*device));
	self->control = control_open();
	ASSERT_LE(0, self->control);
	ASSERT_EQ(0, device_create(device, self->control, &wish));
	self->server = device_attach(device, VTPM_ATTACH_RESET | SERVES);
	ASSERT_LE(0, self->server);
	self->client = device_open(device, variant->raw ? device->raw : device->rm, O_NONBLOCK);
	ASSERT_LE(0, self->client);
	ASSERT_EQ(0, server_drain(self->server));
}

FIXTURE_TEARDOWN(ask)
{
	destroy_all();
	close(self->client);
	close(self->server);
	close(self->control);
}

static int ask(int fd, uint8_t nonce)
{
	struct vtpm_ask arg = { .size = sizeof(arg), .nonce = { nonce } };

	return call(fd, VTPM_IOC_ASK, &arg);
}

static int fetch(int fd, void *bytes, uint32_t *length)
{
	struct vtpm_proof arg = {
		.size = sizeof(arg), .proof = (uintptr_t)bytes, .length = *length,
	};
	int rc = call(fd, VTPM_IOC_PROOF, &arg);

	*length = arg.length;
	return rc;
}

/* What is not worth looking at. */
static int outcome(int fd)
{
	static uint8_t bytes[VTPM_PROOF_SIZE];
	uint32_t length = sizeof(bytes);

	return fetch(fd, bytes, &length);
}

/* Fetch a frame, which has to be a question, and answer it with an errno. */
static int take(int server, struct vtpm_question *ret, int error)
{
	struct frame frame;
	int rc = server_fetch(server, &frame);

	if (rc < 0)
		return rc;
	if (frame.head.kind != VTPM_FRAME_ASK || rc != sizeof(frame.head) + sizeof(*ret))
		return -EPROTO;
	memcpy(ret, frame.payload, sizeof(*ret));
	return server_answer(server, frame.head.id, error, NULL, 0);
}

static struct vtpm_tell answer_to(struct device *device, uint64_t id)
{
	struct vtpm_tell arg = { .size = sizeof(arg), .instance = device->instance, .id = id };

	memcpy(arg.name, device->name, sizeof(arg.name));
	return arg;
}

static int tell(struct device *device, uint64_t id, const void *proof, uint32_t length)
{
	struct vtpm_tell arg = answer_to(device, id);

	arg.proof = (uintptr_t)proof;
	arg.length = length;
	return call(device->control, VTPM_IOC_TELL, &arg);
}

static int tell_error(struct device *device, uint64_t id, uint32_t error)
{
	struct vtpm_tell arg = answer_to(device, id);

	arg.error = error;
	return call(device->control, VTPM_IOC_TELL, &arg);
}

static short polled(int fd, int ms)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLPRI };

	return poll(&poll_fd, 1, ms) < 0 ? -errno : poll_fd.revents;
}

/* The whole way, with the largest proof; commands go on while nobody tells. */
TEST_F(ask, proof)
{
	static uint8_t proof[VTPM_PROOF_SIZE], got[VTPM_PROOF_SIZE];
	struct vtpm_ask arg = {
		.size = sizeof(arg), .flags = VTPM_ASK_DIGEST, .nonce = { 1, 2 }, .digest = { 3 },
	};
	struct vtpm_question question, other;
	uint32_t length = sizeof(got), marker;
	struct frame frame;

	ASSERT_EQ(0, call(self->client, VTPM_IOC_ASK, &arg));
	EXPECT_EQ(0, polled(self->client, 0));
	/* errno:PROOF:EAGAIN */
	EXPECT_EQ(-EAGAIN, outcome(self->client));
	ASSERT_EQ(0, take(self->server, &question, 0));
	EXPECT_EQ(VTPM_ASK_DIGEST, question.flags);
	EXPECT_EQ(0, memcmp(question.nonce, arg.nonce, sizeof(arg.nonce)));
	EXPECT_EQ(0, memcmp(question.digest, arg.digest, sizeof(arg.digest)));

	ASSERT_EQ(0, client_write(self->client, 5));
	ASSERT_LT(0, server_fetch_command(self->server, &frame));
	ASSERT_EQ(0, server_echo(self->server, &frame));
	ASSERT_EQ(0, client_read(self->client, &marker));
	EXPECT_EQ(5, marker);

	memset(proof, 0xa5, sizeof(proof));
	ASSERT_EQ(0, tell(&self->device, question.id, proof, sizeof(proof)));
	EXPECT_EQ(POLLPRI, polled(self->client, 0));
	ASSERT_EQ(0, fetch(self->client, got, &length));
	EXPECT_EQ(sizeof(proof), length);
	EXPECT_EQ(0, memcmp(proof, got, sizeof(proof)));
	EXPECT_EQ(0, polled(self->client, 0));

	/* errno:PROOF:ENODATA errno:TELL:ESTALE told and fetched once */
	EXPECT_EQ(-ENODATA, outcome(self->client));
	EXPECT_EQ(-ESTALE, tell(&self->device, question.id, proof, 1));
	ASSERT_EQ(0, ask(self->client, 9));
	ASSERT_EQ(0, take(self->server, &other, 0));
	EXPECT_LT(question.id, other.id);
	EXPECT_EQ(0, other.flags);
	EXPECT_EQ(9, other.nonce[0]);
}

/* errno:PROOF:EMSGSIZE errno:PROOF:EFAULT and nothing is lost */
TEST_F(ask, too_little_room)
{
	struct vtpm_proof arg = { .size = sizeof(arg), .length = 2 };
	struct vtpm_question question;
	uint8_t got[8] = { 0 }, *page = page_before_hole();
	uint32_t length;

	ASSERT_NE(NULL, page);
	ASSERT_EQ(0, ask(self->client, 1));
	ASSERT_EQ(0, take(self->server, &question, 0));
	ASSERT_EQ(0, tell(&self->device, question.id, "proof", 5));
	for (length = 0; length < 5;) {
		uint32_t room = length;

		EXPECT_EQ(-EMSGSIZE, fetch(self->client, got, &room));
		EXPECT_EQ(5, room);
		length++;
	}
	EXPECT_EQ(0, got[0]);
	EXPECT_EQ(-EFAULT, fetch(self->client, bad_address(), &length));
	EXPECT_EQ(-EFAULT, fetch(self->client, page + 4096 - 2, &length));
	EXPECT_EQ(-EFAULT, call(self->client, VTPM_IOC_PROOF, bad_address()));
	/* The length cannot be written. */
	memcpy(page, &arg, sizeof(arg));
	ASSERT_EQ(0, mprotect(page, 4096, PROT_READ));
	EXPECT_EQ(-EFAULT, call(self->client, VTPM_IOC_PROOF, page));
	EXPECT_EQ(POLLPRI, polled(self->client, 0));
	length = sizeof(got);
	EXPECT_EQ(0, fetch(self->client, got, &length));
	EXPECT_EQ(0, memcmp(got, "proof", 5));
}

/*
 * errno:PROOF:ENOENT errno:PROOF:ENODEV errno:PROOF:EBUSY errno:PROOF:EIO
 * errno:PROOF:ENOKEY errno:PROOF:ECANCELED errno:PROOF:EHOSTDOWN
 */
TEST_F(ask, told_errors)
{
	static const uint32_t errors[] = {
		ENOENT, ENODEV, EBUSY, EIO, ENOKEY, ECANCELED, EHOSTDOWN,
	};
	struct vtpm_question question;
	unsigned int i;

	for (i = 0; i < ARRAY_LENGTH(errors); i++) {
		ASSERT_EQ(0, ask(self->client, i));
		ASSERT_EQ(0, take(self->server, &question, 0));
		ASSERT_EQ(0, tell_error(&self->device, question.id, errors[i]));
		EXPECT_EQ(POLLPRI, polled(self->client, 0));
		EXPECT_EQ(-(int)errors[i], outcome(self->client));
		EXPECT_EQ(-ENODATA, outcome(self->client));
	}
}

/* errno:TELL:EINVAL errno:TELL:ENOENT errno:TELL:EFAULT and the question stays */
TEST_F(ask, told_nonsense)
{
	struct vtpm_question question;
	struct vtpm_tell arg;
	uint32_t error;

	ASSERT_EQ(0, ask(self->client, 1));
	ASSERT_EQ(0, take(self->server, &question, 0));
	EXPECT_EQ(-EINVAL, tell(&self->device, question.id, NULL, 0));
	EXPECT_EQ(-EINVAL, tell(&self->device, question.id, "x", 0));
	EXPECT_EQ(-EINVAL, tell(&self->device, question.id, NULL, 1));
	EXPECT_EQ(-EINVAL, tell(&self->device, question.id, "x", VTPM_PROOF_SIZE + 1));
	EXPECT_EQ(-EINVAL, tell(&self->device, 0, "x", 1));
	EXPECT_EQ(-EFAULT, tell(&self->device, question.id, bad_address(), 1));
	arg = answer_to(&self->device, question.id);
	arg.proof = (uintptr_t)"x";
	arg.length = 1;
	arg.error = EIO;
	EXPECT_EQ(-EINVAL, call(self->control, VTPM_IOC_TELL, &arg));
	for (error = 0; error < 140; error++) {
		if (error == ENOENT || error == ENODEV || error == EBUSY || error == EIO ||
		    error == ENOKEY || error == ECANCELED || error == EHOSTDOWN)
			continue;
		EXPECT_EQ(-EINVAL, tell_error(&self->device, question.id, error));
	}
	EXPECT_EQ(-EINVAL, tell_error(&self->device, question.id, 0xffffffff));
	EXPECT_EQ(-ESTALE, tell_error(&self->device, question.id + 1, EIO));
	arg = answer_to(&self->device, question.id);
	arg.error = EIO;
	arg.instance++;
	EXPECT_EQ(-ESTALE, call(self->control, VTPM_IOC_TELL, &arg));
	arg.instance = 0;
	EXPECT_EQ(-ESTALE, call(self->control, VTPM_IOC_TELL, &arg));
	arg.instance = self->device.instance;
	arg.name[0] = 'X';
	EXPECT_EQ(-ENOENT, call(self->control, VTPM_IOC_TELL, &arg));
	EXPECT_EQ(-EAGAIN, outcome(self->client));
	EXPECT_EQ(0, tell(&self->device, question.id, "x", 1));
}

/* errno:ASK:EBUSY one question of a file; a new one drops a proof that nobody fetched */
TEST_F(ask, one_at_a_time)
{
	struct vtpm_question first, second;
	uint8_t got = 0;
	uint32_t length = 1;

	ASSERT_EQ(0, ask(self->client, 1));
	EXPECT_EQ(-EBUSY, ask(self->client, 2));
	ASSERT_EQ(0, take(self->server, &first, 0));
	EXPECT_EQ(-EBUSY, ask(self->client, 2));
	ASSERT_EQ(0, tell(&self->device, first.id, "1", 1));
	ASSERT_EQ(0, ask(self->client, 2));
	EXPECT_EQ(-EAGAIN, outcome(self->client));
	ASSERT_EQ(0, take(self->server, &second, 0));
	ASSERT_EQ(0, tell(&self->device, second.id, "2", 1));
	ASSERT_EQ(0, fetch(self->client, &got, &length));
	EXPECT_EQ('2', got);
}

/* errno:ASK:EDQUOT whoever asks too often; and others of other devices do not suffer */
TEST_F(ask, too_often)
{
	struct device other = { 0 };
	unsigned int asked = 0, i;
	int fds[AT_ONCE + 1], fd;

	/* Each closed again, so that but the rate stops it; a second gives one more. */
	for (i = 0; i < 3 * AT_ONCE; i++) {
		fd = device_open(&self->device, self->device.rm, O_NONBLOCK);
		ASSERT_LE(0, fd);
		if (!ask(fd, i))
			asked++;
		else
			EXPECT_EQ(-EDQUOT, ask(fd, i));
		close(fd);
	}
	EXPECT_LE(AT_ONCE, asked);
	EXPECT_GT(2 * AT_ONCE, asked);
	sleep_ms(1100);
	ASSERT_EQ(0, ask(self->client, 1));
	EXPECT_EQ(0, server_drain(self->server) < 0 ? -1 : 0);

	ASSERT_EQ(0, device_create(&other, self->control, NULL));
	fd = device_attach(&other, VTPM_ATTACH_RESET | SERVES);
	ASSERT_LE(0, fd);
	/* As many as may wait, and one more. */
	for (i = 0; i <= AT_ONCE; i++) {
		fds[i] = device_open(&other, other.rm, O_NONBLOCK);
		ASSERT_LE(0, fds[i]);
		EXPECT_EQ(i < AT_ONCE ? 0 : -EBUSY, ask(fds[i], i));
	}
	ASSERT_EQ(0, server_drain(fd) < 0 ? -1 : 0);
	for (i = 0; i <= AT_ONCE; i++)
		close(fds[i]);
	EXPECT_EQ(-ESTALE, tell_error(&other, 0, EIO));
	close(fd);
}

/* errno:ASK:EOPNOTSUPP errno:PROOF:EOPNOTSUPP of a server that wants no questions */
TEST_F(ask, unwanted)
{
	struct vtpm_question question;
	struct frame frame;

	/* One waits in the queue, as no server is there; none of these ever sees it. */
	close(self->server);
	ASSERT_EQ(0, ask(self->client, 1));
	self->server = device_attach(&self->device, VTPM_ATTACH_RESUME);
	ASSERT_LE(0, self->server);
	EXPECT_EQ(POLLPRI, polled(self->client, 0));
	EXPECT_EQ(-EOPNOTSUPP, outcome(self->client));
	EXPECT_EQ(-EOPNOTSUPP, ask(self->client, 2));
	ASSERT_EQ(0, client_write(self->client, 3));
	ASSERT_LT(0, server_fetch(self->server, &frame));
	EXPECT_EQ(VTPM_FRAME_COMMAND, frame.head.kind);
	ASSERT_EQ(0, server_echo(self->server, &frame));
	close(self->server);
	self->server = device_attach(&self->device, VTPM_ATTACH_RESUME | VTPM_ATTACH_ASKS);
	ASSERT_LE(0, self->server);
	ASSERT_EQ(0, ask(self->client, 4));
	ASSERT_EQ(0, take(self->server, &question, 0));
	EXPECT_EQ(4, question.nonce[0]);
}

/* The server says at once that it cannot. */
TEST_F(ask, refused_by_the_server)
{
	struct vtpm_question question;

	ASSERT_EQ(0, ask(self->client, 1));
	ASSERT_EQ(0, take(self->server, &question, EIO));
	EXPECT_EQ(POLLPRI, polled(self->client, 0));
	EXPECT_EQ(-EIO, outcome(self->client));
	EXPECT_EQ(-ENODATA, outcome(self->client));
	ASSERT_EQ(0, ask(self->client, 2));
	ASSERT_EQ(0, take(self->server, &question, EBUSY));
	/* Not fetched, and asked again. */
	ASSERT_EQ(0, ask(self->client, 3));
	EXPECT_EQ(-EAGAIN, outcome(self->client));
}

/* A server dies with a question: the next one gets it, and the one after that. */
TEST_F(ask, server_dies)
{
	struct vtpm_question question;
	struct frame frame, again;
	unsigned int i;

	ASSERT_EQ(0, ask(self->client, 1));
	ASSERT_LT(0, server_fetch(self->server, &frame));
	for (i = 0; i < 3; i++) {
		close(self->server);
		EXPECT_EQ(-EAGAIN, outcome(self->client));
		self->server = device_attach(&self->device, VTPM_ATTACH_RESUME | SERVES);
		ASSERT_LE(0, self->server);
		ASSERT_LT(0, server_fetch(self->server, &again));
		EXPECT_EQ(VTPM_FRAME_ASK, again.head.kind);
		EXPECT_EQ(VTPM_FRAME_REDELIVERED, again.head.flags);
		EXPECT_EQ(frame.head.id, again.head.id);
		EXPECT_EQ(0, memcmp(frame.payload, again.payload, sizeof(question)));
	}
	ASSERT_EQ(0, server_answer(self->server, again.head.id, 0, NULL, 0));
	/* Answered, it is no concern of the server's any more. */
	close(self->server);
	memcpy(&question, again.payload, sizeof(question));
	ASSERT_EQ(0, tell(&self->device, question.id, "x", 1));
	EXPECT_EQ(0, outcome(self->client));
}

/* Another life, or somebody who knows that nobody will tell: whoever waits asks again. */
TEST_F(ask, ended)
{
	struct vtpm_question question;

	ASSERT_EQ(0, ask(self->client, 1));
	ASSERT_EQ(0, take(self->server, &question, 0));
	close(self->server);
	self->server = device_attach(&self->device, VTPM_ATTACH_RESET | SERVES);
	ASSERT_LE(0, self->server);
	EXPECT_EQ(-ECANCELED, outcome(self->client));
	ASSERT_EQ(0, server_drain(self->server));

	ASSERT_EQ(0, ask(self->client, 2));
	ASSERT_EQ(0, tell_error(&self->device, 0, ECANCELED));
	EXPECT_EQ(-ECANCELED, outcome(self->client));
	EXPECT_EQ(-ESTALE, tell_error(&self->device, 0, ECANCELED));
}

static void *fetch_blocking(void *data)
{
	return (void *)(intptr_t)outcome(*(int *)data);
}

/* errno:ASK:EPIPE errno:PROOF:EPIPE for whoever waits, and later */
TEST_F(ask, device_gone)
{
	pthread_t thread;
	void *rc;

	ASSERT_EQ(0, ask(self->client, 1));
	ASSERT_EQ(0, fcntl(self->client, F_SETFL, 0));
	ASSERT_EQ(0, pthread_create(&thread, NULL, fetch_blocking, &self->client));
	sleep_ms(100);
	ASSERT_EQ(0, device_destroy(&self->device));
	pthread_join(thread, &rc);
	EXPECT_EQ(-EPIPE, (intptr_t)rc);
	EXPECT_EQ(-EPIPE, ask(self->client, 2));
	EXPECT_EQ(-ENODATA, outcome(self->client));
}

static void ignore(int signal)
{
	(void)signal;
}

/* errno:PROOF:EINTR a signal ends the wait, not the question */
TEST_F(ask, interrupted)
{
	struct sigaction action = { .sa_handler = ignore, .sa_flags = SA_RESTART };
	struct vtpm_question question;
	pid_t pid;

	ASSERT_EQ(0, ask(self->client, 1));
	ASSERT_EQ(0, fcntl(self->client, F_SETFL, 0));
	sigaction(SIGALRM, &action, NULL);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(-outcome(self->client));
	}
	ASSERT_TRUE(process_becomes(pid, 'S'));
	kill(pid, SIGALRM);
	EXPECT_EQ(EINTR, wait_exit(pid));

	/* The question stays; another one may fetch what comes of it. */
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(-outcome(self->client));
	}
	ASSERT_EQ(0, take(self->server, &question, 0));
	ASSERT_EQ(0, tell(&self->device, question.id, "x", 1));
	EXPECT_EQ(0, wait_exit(pid));
}

/* A client that is killed, or closes, takes its question along. */
TEST_F(ask, client_gone)
{
	struct vtpm_question question;
	struct frame frame;
	int other = device_open(&self->device, self->device.rm, O_NONBLOCK);
	pid_t pid;

	ASSERT_LE(0, other);
	ASSERT_EQ(0, server_drain(self->server));
	ASSERT_EQ(0, ask(other, 1));
	close(other);
	/* Not taken yet: the server hears but of the end. */
	ASSERT_LT(0, server_fetch(self->server, &frame));
	EXPECT_EQ(VTPM_FRAME_CLOSE, frame.head.kind);
	ASSERT_EQ(0, server_echo(self->server, &frame));

	other = device_open(&self->device, self->device.rm, 0);
	ASSERT_LE(0, other);
	ASSERT_EQ(0, server_drain(self->server));
	ASSERT_EQ(0, ask(other, 2));
	pid = fork();
	if (pid == 0) {
		close(self->client);
		_exit(-outcome(other));
	}
	close(other);
	ASSERT_EQ(0, take(self->server, &question, 0));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	ASSERT_LT(0, server_fetch(self->server, &frame));
	EXPECT_EQ(VTPM_FRAME_CLOSE, frame.head.kind);
	ASSERT_EQ(0, server_echo(self->server, &frame));
	EXPECT_EQ(-ESTALE, tell(&self->device, question.id, "x", 1));
}

/* errno:ASK:EINVAL errno:ASK:E2BIG errno:ASK:EOPNOTSUPP errno:ASK:EFAULT */
TEST_F(ask, sizes_of_ask)
{
	struct {
		struct vtpm_ask arg;
		uint32_t more;
	} longer = { .arg = { .size = sizeof(longer) } };
	struct vtpm_ask *arg = &longer.arg;
	unsigned int bit;

	longer.more = 1;
	EXPECT_EQ(-E2BIG, call(self->client, VTPM_IOC_ASK, arg));
	arg->size = 4097;
	EXPECT_EQ(-E2BIG, call(self->client, VTPM_IOC_ASK, arg));
	arg->size = sizeof(*arg) - 1;
	EXPECT_EQ(-EINVAL, call(self->client, VTPM_IOC_ASK, arg));
	arg->size = sizeof(*arg);
	for (bit = 1; bit < 32; bit++) {
		arg->flags = 1U << bit;
		EXPECT_EQ(-EOPNOTSUPP, call(self->client, VTPM_IOC_ASK, arg));
	}
	arg->flags = 0;
	arg->digest[31] = 1;
	EXPECT_EQ(-EINVAL, call(self->client, VTPM_IOC_ASK, arg));
	EXPECT_EQ(-EFAULT, call(self->client, VTPM_IOC_ASK, bad_address()));
	EXPECT_EQ(-ENODATA, outcome(self->client));
	arg->flags = VTPM_ASK_DIGEST;
	EXPECT_EQ(0, call(self->client, VTPM_IOC_ASK, arg));
}

/* errno:PROOF:EINVAL errno:PROOF:E2BIG errno:PROOF:EOPNOTSUPP */
TEST_F(ask, sizes_of_proof)
{
	struct {
		struct vtpm_proof arg;
		uint32_t more;
	} longer = { .arg = { .size = sizeof(longer) }, .more = 1 };
	struct vtpm_proof *arg = &longer.arg;
	unsigned int bit;

	EXPECT_EQ(-E2BIG, call(self->client, VTPM_IOC_PROOF, arg));
	arg->size = 4097;
	EXPECT_EQ(-E2BIG, call(self->client, VTPM_IOC_PROOF, arg));
	arg->size = sizeof(*arg) - 1;
	EXPECT_EQ(-EINVAL, call(self->client, VTPM_IOC_PROOF, arg));
	arg->size = sizeof(*arg);
	arg->__reserved = 1;
	EXPECT_EQ(-EINVAL, call(self->client, VTPM_IOC_PROOF, arg));
	arg->__reserved = 0;
	for (bit = 0; bit < 32; bit++) {
		arg->flags = 1U << bit;
		EXPECT_EQ(-EOPNOTSUPP, call(self->client, VTPM_IOC_PROOF, arg));
	}
	EXPECT_EQ(-ENOTTY, call(self->server, VTPM_IOC_ASK, arg));
	EXPECT_EQ(-ENOTTY, call(self->client, VTPM_IOC_TELL, arg));
	EXPECT_EQ(-ENOTTY, call(self->control, VTPM_IOC_PROOF, arg));
}

/* Who may open the node may ask, with no privilege. */
TEST_F(ask, without_privilege)
{
	struct vtpm_question question;
	pid_t pid;

	pid = fork();
	if (pid == 0) {
		int own;

		if (drop_to_user(65534))
			_exit(1);
		own = device_open(&self->device, self->device.rm, 0);
		_exit(own < 0 ? 2 : ask(own, 1) ? 3 : outcome(own) ? 4 : 0);
	}
	/* Its OPEN comes first. */
	for (;;) {
		struct frame frame;

		ASSERT_LT(0, server_fetch(self->server, &frame));
		ASSERT_EQ(0, server_answer(self->server, frame.head.id, 0, NULL, 0));
		memcpy(&question, frame.payload, sizeof(question));
		if (frame.head.kind == VTPM_FRAME_ASK)
			break;
	}
	ASSERT_EQ(0, tell(&self->device, question.id, "x", 1));
	EXPECT_EQ(0, wait_exit(pid));
}

/* errno:PROOF:ETIME nobody tells */
TEST_F(ask, nobody_tells)
{
	uint64_t begun = now_ms();
	unsigned int old;

	ASSERT_EQ(0, parameter_set("proof_ms", 300, &old));
	EXPECT_EQ(60000, old);
	ASSERT_EQ(0, ask(self->client, 1));
	ASSERT_EQ(0, fcntl(self->client, F_SETFL, 0));
	EXPECT_EQ(-ETIME, outcome(self->client));
	EXPECT_LE(300, now_ms() - begun);
	EXPECT_EQ(-ENODATA, outcome(self->client));
	/* And it is told to who polls. */
	ASSERT_EQ(0, ask(self->client, 2));
	EXPECT_EQ(POLLPRI, polled(self->client, PATIENCE_MS));
	EXPECT_EQ(-ETIME, outcome(self->client));
	ASSERT_EQ(0, parameter_set("proof_ms", old, NULL));
}

/* Tellers, clients that close, and servers that die, all at once: nothing is lost or hangs. */
static bool stop;

static void *tell_all(void *data)
{
	struct device *device = data;
	uint64_t id;

	while (!__atomic_load_n(&stop, __ATOMIC_SEQ_CST)) {
		for (id = 1; id < 64; id++)
			tell(device, id, "x", 1);
		tell_error(device, 0, EIO);
	}
	return NULL;
}

TEST_F(ask, storm)
{
	uint64_t end = now_ms() + 3000;
	pthread_t thread;
	struct frame frame;
	int fd, rc;

	stop = false;
	ASSERT_EQ(0, pthread_create(&thread, NULL, tell_all, &self->device));
	while (now_ms() < end) {
		fd = device_open(&self->device, self->device.rm, O_NONBLOCK);
		ASSERT_LE(0, fd);
		rc = ask(fd, 1);
		EXPECT_TRUE(!rc || rc == -EDQUOT);
		ASSERT_EQ(0, fcntl(self->server, F_SETFL, O_NONBLOCK));
		while (server_fetch(self->server, &frame) > 0)
			server_answer(self->server, frame.head.id, 0, NULL, 0);
		rc = outcome(fd);
		EXPECT_TRUE(!rc || rc == -EIO || rc == -EAGAIN || rc == -ENODATA);
		close(fd);
	}
	__atomic_store_n(&stop, true, __ATOMIC_SEQ_CST);
	pthread_join(thread, NULL);
}

TEST_HARNESS_MAIN
