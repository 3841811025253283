// SPDX-License-Identifier: BSD-3-Clause
/*
 * The real program, over a packet link, killed at will. What must hold: an
 * acknowledged change is never lost, a request is executed once, nothing old or
 * foreign is resumed, and what cannot be right is left alone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/engine.h"
#include "engine/test_peer.h"
#include "wire/command.h"
#include "wire/tpm.h"

static const char *const manufacture[] = { "--manufacture", NULL };
static const char *const firmware[] = { "--manufacture", "--firmware", NULL };
static struct test_peer peer;
static struct test_answer answer, other;

static int setup(void **state)
{
	(void)state;
	test_peer_new(&peer);
	test_peer_start(&peer, manufacture);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	test_peer_done(&peer);
	return 0;
}

static void crash_and_resume(void)
{
	assert_int_equal(test_peer_kill(&peer, SIGKILL), 128 + SIGKILL);
	test_peer_start(&peer, NULL);
}

static void test_engine_get_random(void **state)
{
	(void)state;
	assert_int_equal(test_call(&peer, test_get_random(16), &answer), TPM_RC_SUCCESS);
	assert_int_equal(answer.length, TPM_HEAD_SIZE + 2 + 16);
}

static void test_engine_frames_without_command(void **state)
{
	static const struct test_command opener = { .out.used = sizeof(struct vtpm_opener) };

	(void)state;
	test_send(&peer, VTPM_FRAME_WAKE, 0, 0, NULL);
	test_send(&peer, VTPM_FRAME_OPEN, 1, 0, &opener);
	assert_true(test_receive(&peer, &answer));
	assert_true(answer.head.id == 1 && !answer.head.error && !answer.length);
	test_send(&peer, VTPM_FRAME_CLOSE, 2, 0, NULL);
	assert_true(test_receive(&peer, &answer));
	assert_true(answer.head.id == 2 && !answer.head.error && !answer.length);
	test_send(&peer, 77, 3, 0, NULL);
	assert_true(test_receive(&peer, &answer));
	assert_true(answer.head.id == 3 && answer.head.error == EINVAL && !answer.length);
}

static void test_engine_malformed(void **state)
{
	struct test_command command = test_get_random(16);

	(void)state;
	command.out.used--;
	assert_int_equal(test_call(&peer, command, &answer), TPM_RC_COMMAND_SIZE);
	command.out.used = 4;
	assert_int_equal(test_call(&peer, command, &answer), TPM_RC_COMMAND_SIZE);
	command = test_get_random(16);
	command.bytes[0] = 0;
	assert_int_equal(test_call(&peer, command, &answer), TPM_RC_BAD_TAG);
	/* a frame that is none ends the engine */
	assert_int_equal(send(peer.socket, "x", 1, 0), 1);
	assert_int_equal(test_peer_wait(&peer), ENGINE_EXIT_ERROR);
}

static void test_engine_pcr_survives_kill(void **state)
{
	struct test_answer before;

	(void)state;
	assert_int_equal(test_call(&peer, test_pcr_extend(10), &answer), TPM_RC_SUCCESS);
	assert_int_equal(test_call(&peer, test_pcr_read(10), &before), TPM_RC_SUCCESS);
	crash_and_resume();
	assert_int_equal(test_call(&peer, test_pcr_read(10), &other), TPM_RC_SUCCESS);
	assert_int_equal(other.length, before.length);
	assert_memory_equal(other.response, before.response, before.length);
}

static void test_engine_redelivered_is_not_executed_again(void **state)
{
	(void)state;
	assert_int_equal(test_call(&peer, test_counter_define(), &answer), TPM_RC_SUCCESS);
	assert_int_equal(test_call(&peer, test_counter_increment(), &answer), TPM_RC_SUCCESS);
	crash_and_resume();
	assert_int_equal(test_again(&peer, peer.id, VTPM_FRAME_REDELIVERED,
				    test_counter_increment(), &other),
			 TPM_RC_SUCCESS);
	assert_int_equal(other.length, answer.length);
	assert_memory_equal(other.response, answer.response, answer.length);
	assert_true(test_counter(&peer) == 1);
	crash_and_resume();
	assert_true(test_counter(&peer) == 1);
}

static void test_engine_logged_is_not_executed_again(void **state)
{
	struct test_answer before;

	(void)state;
	/* behind a unit, whatever the start left; more than a log takes */
	for (int i = 0; i < 100; i++) {
		assert_int_equal(test_call(&peer, test_pcr_extend(10), &before), TPM_RC_SUCCESS);
		assert_int_equal(test_call(&peer, test_pcr_read(10), &answer), TPM_RC_SUCCESS);
		if (i % 9)
			continue;
		crash_and_resume();
		assert_int_equal(test_again(&peer, peer.id - 1, VTPM_FRAME_REDELIVERED,
					    test_pcr_extend(10), &other),
				 TPM_RC_SUCCESS);
		assert_int_equal(other.length, before.length);
		assert_memory_equal(other.response, before.response, before.length);
		assert_int_equal(test_call(&peer, test_pcr_read(10), &other), TPM_RC_SUCCESS);
		assert_int_equal(other.length, answer.length);
		assert_memory_equal(other.response, answer.response, answer.length);
	}
}

static void test_engine_redelivered_is_executed_where_it_was_not(void **state)
{
	(void)state;
	assert_int_equal(test_call(&peer, test_counter_define(), &answer), TPM_RC_SUCCESS);
	crash_and_resume();
	assert_int_equal(test_again(&peer, ++peer.id, VTPM_FRAME_REDELIVERED,
				    test_counter_increment(), &answer),
			 TPM_RC_SUCCESS);
	assert_true(test_counter(&peer) == 1);
}

static void test_engine_poisoned(void **state)
{
	(void)state;
	assert_int_equal(test_call(&peer, test_counter_define(), &answer), TPM_RC_SUCCESS);
	assert_int_equal(test_call(&peer, test_counter_increment(), &answer), TPM_RC_SUCCESS);
	/* executed: answered from the unit */
	assert_int_equal(test_again(&peer, peer.id, VTPM_FRAME_POISONED | VTPM_FRAME_REDELIVERED,
				    test_counter_increment(), &answer),
			 TPM_RC_SUCCESS);
	/* not executed: refused, and that is what every later delivery says */
	peer.id++;
	assert_int_equal(
		test_again(&peer, peer.id, VTPM_FRAME_POISONED, test_counter_increment(), &answer),
		TPM_RC_FAILURE);
	crash_and_resume();
	assert_int_equal(test_again(&peer, peer.id, VTPM_FRAME_REDELIVERED,
				    test_counter_increment(), &answer),
			 TPM_RC_FAILURE);
	assert_true(test_counter(&peer) == 1);
}

static void test_engine_other_instance_is_refused(void **state)
{
	(void)state;
	test_call(&peer, test_pcr_extend(10), &answer);
	test_peer_kill(&peer, SIGKILL);
	peer.instance++;
	test_peer_start(&peer, NULL);
	assert_int_equal(test_peer_wait(&peer), ENGINE_EXIT_STALE);
	peer.instance--;
	test_peer_start(&peer, NULL);
	assert_int_equal(test_call(&peer, test_pcr_read(10), &answer), TPM_RC_SUCCESS);
}

static void test_engine_empty_store_is_refused(void **state)
{
	(void)state;
	test_peer_kill(&peer, SIGKILL);
	test_peer_done(&peer);
	test_peer_new(&peer);
	test_peer_start(&peer, NULL);
	assert_int_equal(test_peer_wait(&peer), ENGINE_EXIT_NO_STATE);
	assert_int_equal(lseek(peer.state, 0, SEEK_END), 0);
}

static void copy_file(int to, int from)
{
	off_t size = lseek(from, 0, SEEK_END);
	void *bytes = mmap(NULL, (size_t)size, PROT_READ, MAP_SHARED, from, 0);

	assert_int_equal(ftruncate(to, 0), 0);
	assert_int_equal(pwrite(to, bytes, (size_t)size, 0), size);
	munmap(bytes, (size_t)size);
}

static void test_engine_other_generation_is_quarantined(void **state)
{
	int old = memfd_create("old", MFD_CLOEXEC), now = memfd_create("now", MFD_CLOEXEC);

	(void)state;
	test_call(&peer, test_counter_define(), &answer);
	copy_file(old, peer.state);
	for (int i = 0; i < 3; i++)
		assert_int_equal(test_call(&peer, test_counter_increment(), &answer), 0);
	test_peer_kill(&peer, SIGKILL);
	copy_file(now, peer.state);

	copy_file(peer.state, old);
	test_peer_start(&peer, manufacture);
	assert_int_equal(test_peer_wait(&peer), ENGINE_EXIT_QUARANTINE);
	/* nothing was touched: with the right state it goes on */
	copy_file(peer.state, now);
	test_peer_start(&peer, NULL);
	assert_true(test_counter(&peer) == 3);
	close(old);
	close(now);
}

static void test_engine_damage_is_quarantined(void **state)
{
	(void)state;
	test_call(&peer, test_pcr_extend(10), &answer);
	test_peer_kill(&peer, SIGKILL);
	assert_int_equal(pwrite(peer.checkpoint, "?", 1, 0), 1);
	test_peer_start(&peer, manufacture);
	assert_int_equal(test_peer_wait(&peer), ENGINE_EXIT_QUARANTINE);

	test_peer_done(&peer);
	test_peer_new(&peer);
	assert_int_equal(pwrite(peer.state, "something", 9, 0), 9);
	test_peer_start(&peer, manufacture);
	assert_int_equal(test_peer_wait(&peer), ENGINE_EXIT_QUARANTINE);
}

/* The store is whole, what is in it is not: libtpms finds out, in the sandbox. */
static void test_engine_state_that_libtpms_refuses_is_quarantined(void **state)
{
	static const uint8_t nil[ENVELOPE_UUID_SIZE];
	struct store_record record;
	struct envelope_key key;
	uint8_t envelope[200];
	struct store *store;
	size_t length;

	(void)state;
	test_peer_done(&peer);
	test_peer_new(&peer);
	store = store_plain_new(peer.state);
	assert_int_equal(store_load(store, &record), 0);
	assert_int_equal(envelope_key_init(&key, (const uint8_t *)ENGINE_TEST_KEY, nil, 0, 0), 0);
	assert_int_equal(envelope_seal(&key, ENVELOPE_PERMANENT, 1, "not a TPM", 9, envelope,
				       sizeof(envelope), &length),
			 0);
	envelope_key_done(&key);
	assert_int_equal(store_commit(store, 1, envelope, length), 0);
	test_peer_start(&peer, manufacture);
	assert_int_equal(test_peer_wait(&peer), ENGINE_EXIT_QUARANTINE);
	assert_int_equal(store_load(store, &record), 0);
	assert_true(record.state == STORE_OK && record.generation == 1);
	store_free(store);
}

static void use_key(uint8_t byte, const char *number)
{
	uint8_t key[GCM_KEY_SIZE] = { byte };
	const char *const options[] = { "--manufacture", "--key-fd", number, NULL };
	int fds[2];

	assert_int_equal(pipe(fds), 0); /* inherited */
	assert_int_equal(dup2(fds[0], 9), 9);
	close(fds[0]);
	assert_int_equal(write(fds[1], key, sizeof(key)), sizeof(key));
	close(fds[1]);
	test_peer_start(&peer, options);
	close(9);
}

static void test_engine_opens_with_its_key_alone(void **state)
{
	(void)state;
	test_peer_done(&peer);
	test_peer_new(&peer);
	use_key(1, "9");
	assert_int_equal(test_call(&peer, test_counter_define(), &answer), TPM_RC_SUCCESS);
	test_peer_kill(&peer, SIGKILL);
	test_peer_start(&peer, NULL);
	assert_int_equal(test_peer_wait(&peer), ENGINE_EXIT_QUARANTINE);
	use_key(2, "9");
	assert_int_equal(test_peer_wait(&peer), ENGINE_EXIT_QUARANTINE);
	/* without a checkpoint it is the state file that does not open */
	assert_int_equal(ftruncate(peer.checkpoint, 0), -1);
	close(peer.checkpoint);
	peer.checkpoint = memfd_create("checkpoint", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	use_key(2, "9");
	assert_int_equal(test_peer_wait(&peer), ENGINE_EXIT_QUARANTINE);
	use_key(1, "9");
	assert_int_equal(test_call(&peer, test_counter_increment(), &answer), TPM_RC_SUCCESS);
	assert_int_equal(test_peer_kill(&peer, SIGTERM), ENGINE_EXIT_OK);
	use_key(1, "8"); /* a number that is not open */
	assert_int_equal(test_peer_wait(&peer), ENGINE_EXIT_KEY);
}

static void test_engine_resumes_never_repeat_random(void **state)
{
	int twin = memfd_create("twin", MFD_CLOEXEC);
	uint64_t id;

	(void)state;
	test_call(&peer, test_pcr_extend(10), &answer);
	test_peer_kill(&peer, SIGKILL);
	copy_file(twin, peer.checkpoint);
	id = peer.id;

	test_peer_start(&peer, NULL);
	test_call(&peer, test_get_random(32), &answer);
	test_peer_kill(&peer, SIGKILL);

	close(peer.checkpoint);
	peer.checkpoint = twin;
	peer.id = id;
	test_peer_start(&peer, NULL);
	test_call(&peer, test_get_random(32), &other);
	assert_int_equal(other.length, answer.length);
	assert_memory_not_equal(other.response, answer.response, answer.length);
}

static void test_engine_reseeding_is_refused(void **state)
{
	(void)state;
	assert_int_equal(test_call(&peer, test_change_eps(), &answer), RM_COMMAND_CODE);
	assert_int_equal(test_call(&peer, test_startup(), &answer), TPM_RC_INITIALIZE);
}

static void test_engine_firmware(void **state)
{
	(void)state;
	test_peer_kill(&peer, SIGKILL);
	test_peer_done(&peer);
	test_peer_new(&peer);
	test_peer_start(&peer, firmware);
	assert_int_equal(test_call(&peer, test_get_random(8), &answer), TPM_RC_INITIALIZE);
	test_peer_kill(&peer, SIGKILL);
	test_peer_start(&peer, &firmware[1]); /* resumed before Startup */
	assert_int_equal(test_call(&peer, test_startup(), &answer), TPM_RC_SUCCESS);
	assert_int_equal(test_call(&peer, test_change_eps(), &answer), TPM_RC_SUCCESS);
	assert_int_equal(test_peer_kill(&peer, SIGTERM), ENGINE_EXIT_OK);
	test_peer_start(&peer, &firmware[1]); /* off, and on with an unchanged state */
	assert_int_equal(test_call(&peer, test_startup(), &answer), TPM_RC_SUCCESS);
}

static void test_engine_sigterm_is_a_power_off(void **state)
{
	struct test_answer before;

	(void)state;
	test_call(&peer, test_counter_define(), &answer);
	test_call(&peer, test_counter_increment(), &answer);
	test_call(&peer, test_pcr_read(10), &before);
	test_call(&peer, test_pcr_extend(10), &answer);
	assert_int_equal(test_peer_kill(&peer, SIGTERM), ENGINE_EXIT_OK);
	peer.instance++; /* its life ended: this is another one */
	test_peer_start(&peer, NULL);
	test_call(&peer, test_pcr_read(10), &other);
	assert_int_equal(other.length, before.length);
	/* all but pcrUpdateCounter */
	assert_memory_equal(other.response + 14, before.response + 14, before.length - 14);
	assert_true(test_counter(&peer) == 1);
}

/* Left between two commands: the next engine has PCRs, and the next command is its first. */
static void test_engine_sighup_leaves_it_to_the_next(void **state)
{
	(void)state;
	test_call(&peer, test_counter_define(), &answer);
	for (uint64_t i = 1; i <= 5; i++) {
		assert_int_equal(test_call(&peer, test_counter_increment(), &answer), 0);
		assert_int_equal(test_call(&peer, test_pcr_extend(10), &answer), 0);
		test_call(&peer, test_pcr_read(10), &answer);
		assert_int_equal(test_peer_kill(&peer, SIGHUP), ENGINE_EXIT_LEFT);
		test_peer_start(&peer, NULL);
		test_call(&peer, test_pcr_read(10), &other);
		assert_int_equal(other.length, answer.length);
		assert_memory_equal(other.response, answer.response, answer.length);
		assert_true(test_counter(&peer) == i);
	}
}

static void test_engine_sigterm_ends_it_though_blocked_before(void **state)
{
	sigset_t blocked, before;

	(void)state;
	test_peer_kill(&peer, SIGKILL);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGTERM);
	sigaddset(&blocked, SIGALRM);
	assert_int_equal(sigprocmask(SIG_BLOCK, &blocked, &before), 0);
	test_peer_start(&peer, manufacture);
	assert_int_equal(sigprocmask(SIG_SETMASK, &before, NULL), 0);
	assert_int_equal(test_call(&peer, test_get_random(8), &answer), TPM_RC_SUCCESS);
	assert_int_equal(test_peer_kill(&peer, SIGTERM), ENGINE_EXIT_OK);
}

/* Another engine, given the state of the first, or its checkpoint. */
static void expect_second_engine_ends(int state, int checkpoint)
{
	struct test_peer second = peer;

	second.state = state;
	second.checkpoint = checkpoint;
	test_peer_start(&second, manufacture);
	assert_int_equal(test_peer_wait(&second), ENGINE_EXIT_ERROR);
}

static void test_engine_has_its_files_to_itself(void **state)
{
	int file = memfd_create("other", MFD_CLOEXEC);

	(void)state;
	assert_int_equal(test_call(&peer, test_get_random(8), &answer), TPM_RC_SUCCESS);
	expect_second_engine_ends(peer.state, file);
	expect_second_engine_ends(file, peer.checkpoint);
	assert_int_equal(lseek(file, 0, SEEK_END), 0);
	close(file);
	assert_int_equal(test_call(&peer, test_counter_define(), &answer), TPM_RC_SUCCESS);
	crash_and_resume(); /* the dead hold nothing */
	assert_int_equal(test_call(&peer, test_counter_increment(), &answer), TPM_RC_SUCCESS);
}

static void test_engine_state_to_append_to_is_refused(void **state)
{
	char path[64];
	int append;

	(void)state;
	test_peer_done(&peer);
	test_peer_new(&peer);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", peer.state);
	append = open(path, O_RDWR | O_APPEND | O_CLOEXEC);
	assert_true(append >= 0);
	close(peer.state);
	peer.state = append;
	test_peer_start(&peer, manufacture);
	assert_int_equal(test_peer_wait(&peer), ENGINE_EXIT_USAGE);
}

static void test_engine_peer_gone(void **state)
{
	(void)state;
	test_call(&peer, test_pcr_extend(10), &answer);
	close(peer.socket);
	peer.socket = -1;
	assert_int_equal(test_peer_wait(&peer), ENGINE_EXIT_DETACHED);
	test_peer_start(&peer, NULL);
	assert_int_equal(test_call(&peer, test_pcr_read(10), &answer), TPM_RC_SUCCESS);
}

/* A disk that is full for whatever generation comes next, wherever its slot is. */
static void test_engine_commit_failure_takes_the_command_back(void **state)
{
	struct rlimit none = { .rlim_cur = 0, .rlim_max = 64 << 20 };
	struct rlimit all = { .rlim_cur = 64 << 20, .rlim_max = 64 << 20 };

	(void)state;
	test_call(&peer, test_counter_define(), &answer);
	test_call(&peer, test_counter_increment(), &answer);
	test_call(&peer, test_pcr_extend(10), &answer);
	test_call(&peer, test_pcr_read(10), &answer);

	assert_int_equal(prlimit(peer.pid, RLIMIT_FSIZE, &none, NULL), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(test_call(&peer, test_counter_increment(), &other),
				 TPM_RC_NV_UNAVAILABLE);
	assert_true(test_counter(&peer) == 1);
	test_call(&peer, test_pcr_read(10), &other);
	assert_memory_equal(other.response, answer.response, answer.length);
	/* what needs no NV works, and lasts */
	assert_int_equal(test_call(&peer, test_pcr_extend(10), &answer), TPM_RC_SUCCESS);
	crash_and_resume();
	assert_true(test_counter(&peer) == 1);

	assert_int_equal(prlimit(peer.pid, RLIMIT_FSIZE, &all, NULL), 0);
	assert_int_equal(test_call(&peer, test_counter_increment(), &other), TPM_RC_SUCCESS);
	assert_true(test_counter(&peer) == 2);
}

static void expect_status(const char *line)
{
	char path[64], text[4096];
	size_t length;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)peer.pid);
	file = fopen(path, "r");
	assert_non_null(file);
	length = fread(text, 1, sizeof(text) - 1, file);
	text[length] = 0;
	fclose(file);
	assert_non_null(strstr(text, line));
}

static void test_engine_is_in_its_sandbox(void **state)
{
	char path[64];
	struct stat status;

	(void)state;
	test_peer_kill(&peer, SIGKILL);
	/* run by somebody else, its /proc entries are root's only if it is not dumpable */
	peer.uid = geteuid() ? 0 : 65534;
	test_peer_start(&peer, manufacture);
	test_call(&peer, test_get_random(8), &answer);

	expect_status("\nSeccomp:\t2\n");
	expect_status("\nNoNewPrivs:\t1\n");
	snprintf(path, sizeof(path), "/proc/%d/environ", (int)peer.pid);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_uid, 0);
}

static void test_engine_publishes_audited_commands(void **state)
{
	struct test_command get_random = test_get_random(8);

	(void)state;
	/* not audited: executed anew, another number */
	test_call(&peer, get_random, &answer);
	test_call(&peer, get_random, &answer);
	test_again(&peer, peer.id, VTPM_FRAME_REDELIVERED, get_random, &other);
	assert_memory_not_equal(other.response, answer.response, answer.length);
	/* audited: it changed the audit digest, so it is executed once */
	assert_int_equal(test_call(&peer, test_audit_add(0x17b), &answer), TPM_RC_SUCCESS);
	test_call(&peer, test_pcr_read(1), &answer);
	test_call(&peer, get_random, &answer);
	test_again(&peer, peer.id, VTPM_FRAME_REDELIVERED, get_random, &other);
	assert_memory_equal(other.response, answer.response, answer.length);
}

/* How a GetCommandAuditDigest without a signature ends; before it there is a clock. */
#define AUDIT_TAIL (8 + 2 + 2 + 64 + 2 + 64 + 2 + 10)

static void test_engine_leaves_no_trace_in_an_audit(void **state)
{
	(void)state;
	assert_int_equal(test_call(&peer, test_audit_add(TPM_CC_GET_CAPABILITY), &answer), 0);
	assert_int_equal(test_call(&peer, test_audit_digest(), &answer), TPM_RC_SUCCESS);
	crash_and_resume();
	assert_int_equal(test_call(&peer, test_audit_digest(), &other), TPM_RC_SUCCESS);
	assert_int_equal(other.length, answer.length);
	assert_memory_equal(other.response + other.length - AUDIT_TAIL,
			    answer.response + answer.length - AUDIT_TAIL, AUDIT_TAIL);
}

static struct test_command as_it_is(const uint8_t *bytes, size_t length)
{
	struct test_command command = { .out.used = length };

	cursor_copy(command.bytes, sizeof(command.bytes), bytes, length);
	return command;
}

/* TPM2_CreatePrimary: one byte, sealed, which an empty password opens. */
static struct test_command seal(void)
{
	static const uint8_t bytes[] = {
		0x80, 0x02, 0, 0,    0,	   56,	 0,   0,    0x01, 0x31, 0x40, 0, 0,
		0x01, /* TPM_RH_OWNER */
		0,    0,    0, 9,    0x40, 0,	 0,   0x09, 0,	  0,	0,    0, 0, /* a password */
		0,    5,    0, 0,    0,	   1,	 'x',			/* TPM2B_SENSITIVE_CREATE */
		0,    14,   0, 8,    0,	   0x0b, 0,   0,    0,	  0x52, /* TPM2B_PUBLIC: KEYEDHASH,
									   SHA256 */
		0,    0,    0, 0x10, 0,	   0, /* no policy, no scheme, no unique */
		0,    0,    0, 0,    0,	   0, /* outsideInfo, creationPCR */
	};
	_Static_assert(sizeof(bytes) == 56, "as its head says");

	return as_it_is(bytes, sizeof(bytes));
}

static struct test_command unseal(void)
{
	static const uint8_t bytes[] = {
		0x80, 0x02, 0, 0, 0,	27, 0, 0,    0x01, 0x5e, 0x80, 0xff, 0xff,
		0xff,								/* the object */
		0,    0,    0, 9, 0x40, 0,  0, 0x09, 0,	   0,	 0,    0,    0, /* a password */
	};
	_Static_assert(sizeof(bytes) == 27, "as its head says");

	return as_it_is(bytes, sizeof(bytes));
}

/* The first one counts in NV as well, and would be published for that alone. */
static void test_engine_publishes_audited_uses_of_a_key(void **state)
{
	(void)state;
	assert_int_equal(test_call(&peer, seal(), &answer), TPM_RC_SUCCESS);
	assert_int_equal(test_call(&peer, test_audit_add(0x15e), &answer), TPM_RC_SUCCESS);
	assert_int_equal(test_call(&peer, unseal(), &answer), TPM_RC_SUCCESS);
	assert_int_equal(test_call(&peer, test_audit_digest(), &answer), TPM_RC_SUCCESS);
	assert_int_equal(test_call(&peer, unseal(), &other), TPM_RC_SUCCESS);
	crash_and_resume();
	assert_int_equal(test_call(&peer, test_audit_digest(), &other), TPM_RC_SUCCESS);
	assert_int_equal(other.length, answer.length);
	assert_memory_not_equal(other.response + other.length - AUDIT_TAIL,
				answer.response + answer.length - AUDIT_TAIL, AUDIT_TAIL);
}

/* Handles before the sessions, as libtpms itself tells: TPMA_CC, Part 2, 8.9. */
static void test_command_table_is_what_libtpms_says(void **state)
{
	struct cursor_in in;
	uint32_t count;

	(void)state;
	assert_int_equal(test_call(&peer, test_get_capability(TPM_CAP_COMMANDS, 0, 256), &answer),
			 TPM_RC_SUCCESS);
	in = cursor_in(answer.response, answer.length);
	cursor_get_bytes(&in, TPM_HEAD_SIZE + 1 + 4);
	count = cursor_get_u32(&in);
	assert_true(count > 90);
	for (; count; count--) {
		uint32_t attributes = cursor_get_u32(&in);
		const struct command_attributes *row = command_find(attributes & 0xffff);

		assert_non_null(row);
		assert_int_equal(row->handles, attributes >> 25 & 7);
		if (row->flags & COMMAND_READ_ONLY)
			assert_false(attributes & 1u << 22); /* may write NV */
		/* returns a handle */
		assert_int_equal((row->flags & (COMMAND_MAKES_OBJECT | COMMAND_MAKES_SESSION)) ||
					 row->code == TPM_CC_CONTEXT_LOAD,
				 attributes >> 28 & 1);
		assert_int_equal((row->flags & COMMAND_ENDS_SEQUENCE) != 0, attributes >> 24 & 1);
		/* flushes many */
		assert_int_equal((row->flags & COMMAND_FLUSHES) != 0, attributes >> 23 & 1);
	}
	assert_true(cursor_ended(&in));
}

#define ENGINE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ENGINE(test_engine_get_random),
		ENGINE(test_engine_frames_without_command),
		ENGINE(test_engine_malformed),
		ENGINE(test_engine_pcr_survives_kill),
		ENGINE(test_engine_redelivered_is_not_executed_again),
		ENGINE(test_engine_logged_is_not_executed_again),
		ENGINE(test_engine_redelivered_is_executed_where_it_was_not),
		ENGINE(test_engine_poisoned),
		ENGINE(test_engine_other_instance_is_refused),
		ENGINE(test_engine_empty_store_is_refused),
		ENGINE(test_engine_other_generation_is_quarantined),
		ENGINE(test_engine_damage_is_quarantined),
		ENGINE(test_engine_state_that_libtpms_refuses_is_quarantined),
		ENGINE(test_engine_opens_with_its_key_alone),
		ENGINE(test_engine_resumes_never_repeat_random),
		ENGINE(test_engine_reseeding_is_refused),
		ENGINE(test_engine_firmware),
		ENGINE(test_engine_sigterm_is_a_power_off),
		ENGINE(test_engine_sighup_leaves_it_to_the_next),
		ENGINE(test_engine_sigterm_ends_it_though_blocked_before),
		ENGINE(test_engine_has_its_files_to_itself),
		ENGINE(test_engine_state_to_append_to_is_refused),
		ENGINE(test_engine_peer_gone),
		ENGINE(test_engine_commit_failure_takes_the_command_back),
		ENGINE(test_engine_is_in_its_sandbox),
		ENGINE(test_engine_publishes_audited_commands),
		ENGINE(test_engine_publishes_audited_uses_of_a_key),
		ENGINE(test_engine_leaves_no_trace_in_an_audit),
		ENGINE(test_command_table_is_what_libtpms_says),
	};

	return cmocka_run_group_tests_name("engine", tests, NULL, NULL);
}
