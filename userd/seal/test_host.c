// SPDX-License-Identifier: BSD-3-Clause
/*
 * Somebody on the wire between us and the host TPM: one who listens, and one who answers
 * in the TPM's place.
 *
 * A proxy process carries what passes between a Unix socket and swtpm, writes it all
 * down, and on demand changes an answer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <sys/mman.h>

#include "base/secret.h"
#include "seal/root.h"
#include "seal/test_swtpm.h"

#define HEAD	    10
#define CC_PCR_READ 0x17e
#define CC_READ_PUB 0x173
#define CC_UNSEAL   0x15e
#define CC_RANDOM   0x17b
#define CC_NV_READ  0x14e
#define CC_NV_INC   0x134
#define PACKET_MAX  4096
#define RECORD_MAX  (256 << 10)
#define NEVER	    0

/*
 * Shared with the proxy.
 * @swap: ReadPublic tells another TPM's public area under this one's Name
 * @flip: answers to this command have their last byte changed
 * @turn: commands until something happens to one of them, then NEVER
 * @silent: that one is executed and never answered, as if the TPM had gone; otherwise
 *	its answer is changed
 * @recorded: bytes in @record
 */
struct wire {
	volatile bool swap;
	volatile uint32_t flip;
	volatile unsigned int turn;
	volatile bool silent;
	volatile size_t recorded;
	uint8_t record[RECORD_MAX];
};

static struct test_swtpm swtpm, other;
static struct wire *wire;
static pid_t proxy;
static char path[96], tcti[128], keys[] = "/tmp/vtpm-keys-XXXXXX";
static struct host host;
static struct root root;
static struct reason reason;
static uint8_t scalar[SEAL_SCALAR_SIZE], point[SEAL_POINT_SIZE];
static const struct seal_bytes none;

static void note(const uint8_t *bytes, size_t length)
{
	struct cursor_out out = cursor_out(wire->record, sizeof(wire->record));

	out.used = wire->recorded;
	cursor_put_raw(&out, bytes, length);
	wire->recorded = out.used;
}

static size_t read_packet(int fd, uint8_t *to)
{
	struct cursor_in in = cursor_in(to, HEAD);
	size_t have = 0, want = HEAD;

	while (have < want) {
		ssize_t n = read(fd, to + have, want - have);

		if (n <= 0)
			return 0;
		have += (size_t)n;
		if (have == HEAD && want == HEAD) {
			cursor_get_u16(&in);
			want = cursor_get_u32(&in);
			if (want > PACKET_MAX)
				_exit(1);
		}
	}
	return have;
}

static int connect_to(const char *to_path)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	cursor_copy(to.sun_path, sizeof(to.sun_path) - 1, to_path, strlen(to_path));
	return connect(fd, (struct sockaddr *)&to, sizeof(to)) ? -1 : fd;
}

static size_t pass_on(const char *to_path, const uint8_t *command, size_t size, uint8_t *response)
{
	int fd = connect_to(to_path);
	size_t length = 0;

	if (fd >= 0 && write(fd, command, size) == (ssize_t)size)
		length = read_packet(fd, response);
	close(fd);
	return length;
}

static uint32_t code_of(const uint8_t *command)
{
	struct cursor_in in = cursor_in(command, HEAD);

	cursor_get_u16(&in);
	cursor_get_u32(&in);
	return cursor_get_u32(&in);
}

/* Both public areas are of P-256, so one fits in the other's place, and the Name stays. */
static void put_other_public(const uint8_t *command, size_t size, uint8_t *response)
{
	static uint8_t foreign[PACKET_MAX];
	size_t length = pass_on(other.path, command, size, foreign);
	struct cursor_in in = cursor_in(foreign, length);
	size_t public;

	cursor_get_bytes(&in, HEAD);
	public = 2u + cursor_get_u16(&in);
	cursor_copy(response + HEAD, PACKET_MAX - HEAD, foreign + HEAD, public);
}

static bool is_its_turn(void)
{
	return wire->turn && !--wire->turn;
}

static void serve(int fd)
{
	static uint8_t command[PACKET_MAX], response[PACKET_MAX];
	size_t size, length;

	while ((size = read_packet(fd, command))) {
		length = pass_on(swtpm.path, command, size, response);
		note(command, size);
		note(response, length);
		if (wire->swap && code_of(command) == CC_READ_PUB)
			put_other_public(command, size, response);
		if (wire->flip && code_of(command) == wire->flip && length > HEAD)
			response[length - 1] ^= 1;
		if (is_its_turn()) {
			if (wire->silent)
				return;
			response[length - 1] ^= 1;
		}
		if (write(fd, response, length) != (ssize_t)length)
			return;
	}
}

/* The control channel: TSS sets the locality there, which is granted. */
static void serve_control(int fd)
{
	static const uint8_t granted[4];
	uint8_t command[64];

	if (read(fd, command, sizeof(command)) > 0 && write(fd, granted, 4) != 4)
		return;
}

static int listen_at(const char *at)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	cursor_copy(to.sun_path, sizeof(to.sun_path) - 1, at, strlen(at));
	if (bind(fd, (struct sockaddr *)&to, sizeof(to)) || listen(fd, 16))
		abort();
	return fd;
}

static pid_t start_proxy(const char *at, void (*each)(int))
{
	int listener = listen_at(at);
	pid_t pid = fork();

	while (!pid) {
		int fd = accept(listener, NULL, NULL);

		each(fd);
		close(fd);
	}
	close(listener);
	return pid;
}

static bool on_the_wire(const uint8_t *bytes, size_t length)
{
	return memmem(wire->record, wire->recorded, bytes, length);
}

static int init(void)
{
	const struct slot_wish wish = { .host = &host, .pcrs = ROOT_PCRS_DEFAULT, .point = point };

	const struct anchor anchor = { .mode = KEYD_ROLLBACK_LAZY, .window = ANCHOR_WINDOW };

	return root_init(&root, &wish, &anchor, &reason);
}

static pid_t control;

static int setup(void **state)
{
	char control_path[112];

	(void)state;
	wire = mmap(NULL, sizeof(*wire), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	test_swtpm_new(&swtpm, TEST_STARTED);
	test_swtpm_new(&other, TEST_STARTED);
	snprintf(path, sizeof(path), "%s/wire", swtpm.dir);
	snprintf(control_path, sizeof(control_path), "%s.ctrl", path);
	snprintf(tcti, sizeof(tcti), "swtpm:path=%s", path);
	proxy = start_proxy(path, serve);
	control = start_proxy(control_path, serve_control);
	snprintf(keys, sizeof(keys), "/tmp/vtpm-keys-XXXXXX");
	if (!mkdtemp(keys) || seal_pair_new(scalar, point))
		return -1;
	setenv("TSS2_LOG", "all+none", 1);
	root = (struct root){ .directory = open(keys, O_RDONLY | O_DIRECTORY), .host = &host };
	root_load(&root);
	return host_open(tcti, &host, &reason);
}

static int teardown(void **state)
{
	(void)state;
	host_done(&host);
	close(root.directory);
	kill(proxy, SIGKILL);
	kill(control, SIGKILL);
	waitpid(proxy, NULL, 0);
	waitpid(control, NULL, 0);
	test_swtpm_done(&swtpm);
	test_swtpm_done(&other);
	test_remove_tree(keys);
	munmap(wire, sizeof(*wire));
	return 0;
}

static void lock_again(void)
{
	secret_wipe(root.key, sizeof(root.key));
	root_load(&root);
	assert_int_equal(root.state, KEYD_STATE_LOCKED);
}

static void test_host_wire_tells_nothing(void **state)
{
	uint8_t key[SEAL_KEY_SIZE], random[4][SEAL_KEY_SIZE];

	(void)state;
	assert_int_equal(init(), 0);
	cursor_copy(key, sizeof(key), root.key, sizeof(root.key));
	lock_again();
	assert_int_equal(root_try(&root), 0);
	assert_memory_equal(root.key, key, sizeof(key));
	assert_int_equal(host_random(&host, random, 4, &reason), 0);
	assert_true(wire->recorded > 4096 && wire->recorded < RECORD_MAX);
	/* half of it would be too much */
	assert_false(on_the_wire(key, 8) || on_the_wire(key + 24, 8));
	for (size_t i = 0; i < 4; i++)
		assert_false(on_the_wire(random[i], 8));
}

static void test_host_password_is_not_on_the_wire(void **state)
{
	const struct seal_bytes right = { "a long owner password", 21 };

	(void)state;
	assert_int_equal(test_tool(&swtpm, "tpm2_changeauth -Q -c owner file:/dev/null", NULL), 0);
	assert_int_equal(host_provision(&host, right, &reason), -EACCES);
	assert_false(on_the_wire(right.at, right.length));
	assert_int_equal(host_provision(&host, none, &reason), 0);
}

/* The Name is right, the key behind it is not: sessions would be salted to the attacker. */
static void test_host_swapped_storage_key(void **state)
{
	struct reason first;

	(void)state;
	assert_int_equal(init(), 0);
	/* the other TPM's key is one the attacker has the private half of */
	assert_int_equal(
		test_tool(&other, "tpm2_createprimary -Q -C o -G ecc -c /dev/shm/vtpm-swap", NULL),
		0);
	assert_int_equal(test_tool(&other,
				   "tpm2_evictcontrol -Q -C o -c /dev/shm/vtpm-swap 0x81000001",
				   NULL),
			 0);
	unlink("/dev/shm/vtpm-swap");
	lock_again();
	wire->swap = true;
	wire->recorded = 0;
	assert_int_not_equal(root_try(&root), 0);
	first = root.reason;
	assert_true(first.text[0]);
	assert_int_equal(root.state, KEYD_STATE_LOCKED);
	assert_int_equal(host.storage, ESYS_TR_NONE);
	wire->swap = false;
	assert_int_equal(root_try(&root), 0);
}

static void test_host_changed_answers(void **state)
{
	static const uint32_t codes[] = { CC_UNSEAL, CC_RANDOM, CC_PCR_READ };
	uint8_t random[1][SEAL_KEY_SIZE];
	struct host_pcrs pcrs;

	(void)state;
	assert_int_equal(init(), 0);
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		wire->flip = codes[i];
		lock_again();
		assert_int_equal(root_try(&root), codes[i] == CC_UNSEAL ? -EIO : 0);
		assert_int_equal(host_random(&host, random, 1, &reason),
				 codes[i] == CC_RANDOM ? -EIO : 0);
		assert_int_equal(host_read_pcrs(&host, ROOT_PCRS_DEFAULT, &pcrs, &reason),
				 codes[i] == CC_PCR_READ ? -EIO : 0);
	}
	wire->flip = NEVER;
	lock_again();
	assert_int_equal(root_try(&root), 0);
}

/* What the counter counted to is the TPM's word, and its authValue nobody's but ours. */
static void test_host_counter(void **state)
{
	uint8_t auth[SEAL_KEY_SIZE];
	struct anchor anchor;
	uint64_t first, value;

	(void)state;
	assert_int_equal(init(), 0);
	assert_int_equal(anchor_load(root.directory, root.key, &anchor, &reason), 0);
	assert_int_equal(anchor_read(&host, root.key, &anchor, &first, &reason), 0);
	wire->flip = CC_NV_READ;
	value = 0;
	assert_int_equal(anchor_read(&host, root.key, &anchor, &value, &reason), -EIO);
	assert_int_equal(value, 0);
	wire->flip = CC_NV_INC;
	assert_int_equal(anchor_add(&host, root.key, &anchor, &reason), -EIO);
	wire->flip = NEVER;
	/* it counted, but who was told otherwise has to read that */
	assert_int_equal(anchor_read(&host, root.key, &anchor, &value, &reason), 0);
	assert_int_equal(value, first + 1);
	assert_int_equal(seal_derive((struct seal_bytes){ root.key, SEAL_KEY_SIZE }, none,
				     "vtpm anchor counter", none, auth, sizeof(auth)),
			 0);
	assert_int_equal(host_counter_read(&host, anchor.handle, auth, &value, &reason), 0);
	assert_true(wire->recorded > 4096 && wire->recorded < RECORD_MAX);
	assert_false(on_the_wire(auth, 8) || on_the_wire(auth + 24, 8));
}

static void test_host_leaves_nothing(void **state)
{
	char before[2048], after[2048];

	(void)state;
	assert_int_equal(init(), 0);
	test_handles(&swtpm, before, sizeof(before));
	for (uint32_t i = 0; i < 6; i++) {
		wire->flip = i % 2 ? CC_UNSEAL : CC_PCR_READ;
		lock_again();
		(void)root_try(&root);
	}
	test_handles(&swtpm, after, sizeof(after));
	assert_string_equal(before, after);
}

/* As a keyd that begins on a machine where the one before has left what it left. */
static void begin_anew(void)
{
	root_done(&root);
	host_done(&host);
	assert_int_equal(host_open(tcti, &host, &reason), 0);
	root = (struct root){ .directory = root.directory, .host = &host };
	root_load(&root);
}

/*
 * The counter of an init that succeeded, and one of an init that could not take it back:
 * with more than that the next ones would find no place soon.
 */
static void remove_counters(void)
{
	char line[64];

	for (int i = 0; i < 2; i++) {
		snprintf(line, sizeof(line), "tpm2_nvundefine -Q -C o 0x%x",
			 HOST_COUNTER_FIRST + i);
		(void)test_tool(&swtpm, line, NULL);
	}
}

/* Return: is there still a command that something can happen to? */
static bool fail_at(unsigned int turn, bool silent)
{
	uint8_t key[SEAL_KEY_SIZE];
	bool made;

	begin_anew();
	wire->turn = turn;
	wire->silent = silent;
	made = !init();
	cursor_copy(key, sizeof(key), root.key, sizeof(root.key));
	if (wire->turn)
		return false;
	assert_int_equal(root.state, made ? KEYD_STATE_UNLOCKED : KEYD_STATE_NONE);
	assert_int_equal(faccessat(root.directory, "slots", F_OK, 0), made ? 0 : -1);
	begin_anew();
	if (!made)
		assert_int_equal(init(), 0);
	else
		assert_int_equal(root_try(&root), 0);
	if (made)
		assert_memory_equal(root.key, key, sizeof(key));
	assert_int_equal(unlinkat(root.directory, "slots", 0), 0);
	remove_counters();
	return !test_tool(&swtpm, "tpm2_evictcontrol -Q -C o -c 0x81000001", NULL);
}

static void fail_at_each(bool silent)
{
	unsigned int turn = 1;

	while (fail_at(turn, silent))
		turn++;
	print_message("%u commands\n", turn - 1);
	assert_true(turn > 20);
}

static void test_host_goes_at_each_command(void **state)
{
	(void)state;
	fail_at_each(true);
}

static void test_host_lies_at_each_command(void **state)
{
	(void)state;
	fail_at_each(false);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(test_host_wire_tells_nothing),   CASE(test_host_password_is_not_on_the_wire),
		CASE(test_host_swapped_storage_key),  CASE(test_host_changed_answers),
		CASE(test_host_leaves_nothing),	      CASE(test_host_goes_at_each_command),
		CASE(test_host_lies_at_each_command), CASE(test_host_counter),
	};

	return cmocka_run_group_tests_name("host TPM", tests, NULL, NULL);
}
