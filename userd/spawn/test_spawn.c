// SPDX-License-Identifier: BSD-3-Clause
/*
 * The real vtpm-spawn and real engines; manager and keyd are played.
 */
#include "spawn/test_spawn.h"

static void test_spawn_serves(void **state)
{
	int pair[2];

	(void)state;
	start_ready(&vtpm);
	assert_false(vtpm.resumed);
	assert_int_equal(call(&vtpm, test_get_random(16), &answer), TPM_RC_SUCCESS);
	/* A link of its own: an engine whose link is closed may be gone by then. */
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(test_host_start(&host, &vtpm, 0, &pair[1], 1), -EBUSY);
	close(pair[0]);
	close(pair[1]);
}

static void test_spawn_killed_engine_resumes(void **state)
{
	uint64_t id;

	(void)state;
	start_ready(&vtpm);
	assert_int_equal(call(&vtpm, test_counter_define(), &answer), TPM_RC_SUCCESS);
	assert_int_equal(call(&vtpm, test_counter_increment(), &answer), TPM_RC_SUCCESS);
	id = peer.id;
	slay(&vtpm);
	start_ready(&vtpm);
	assert_true(vtpm.resumed);
	/* delivered again, answered from the unit */
	assert_int_equal(call_again(&vtpm, id, test_counter_increment(), &other), TPM_RC_SUCCESS);
	assert_memory_equal(other.response, answer.response, answer.length);
	assert_true(counter(&vtpm) == 1);
}

/*
 * Part of a line "VmFlags: rd wr ... lo ..." of smaps. Of what can be written all is locked, or
 * nothing where the limit does not allow that; of what cannot, nothing.
 */
static void test_spawn_locks_what_is_written(void **state)
{
	unsigned int written = 0, locked = 0, others = 0;
	char path[64], line[512];
	FILE *maps;

	(void)state;
	start_ready(&vtpm);
	snprintf(path, sizeof(path), "/proc/%d/smaps", (int)vtpm.pid);
	maps = fopen(path, "r");
	if (!maps)
		skip(); /* an engine is not dumpable: only root may look */
	while (fgets(line, sizeof(line), maps)) {
		bool writes = strstr(line, " wr "), locks = strstr(line, " lo ");

		if (strncmp(line, "VmFlags:", 8))
			continue;
		written += writes;
		locked += writes && locks;
		others += !writes && locks;
	}
	fclose(maps);
	assert_true(written > 0);
	assert_true(locked == written || !locked);
	assert_int_equal(others, 0);
}

static void test_spawn_other_instance_gets_other_memory(void **state)
{
	(void)state;
	start_ready(&vtpm);
	assert_int_equal(call(&vtpm, test_counter_define(), &answer), TPM_RC_SUCCESS);
	assert_int_equal(call(&vtpm, test_counter_increment(), &answer), TPM_RC_SUCCESS);
	slay(&vtpm);
	vtpm.instance++;
	start_ready(&vtpm);
	assert_false(vtpm.resumed); /* a power cut */
	assert_true(counter(&vtpm) == 1);
}

static void test_spawn_death_between_publish_and_commit(void **state)
{
	struct test_command increment = test_counter_increment();

	(void)state;
	start_ready(&vtpm);
	assert_int_equal(call(&vtpm, test_counter_define(), &answer), TPM_RC_SUCCESS);
	vtpm.deaf = true;
	test_send(&peer, VTPM_FRAME_COMMAND, ++peer.id, 0, &increment);
	assert_int_equal(test_vtpm_step(&vtpm), 0); /* the commit, not answered */
	slay(&vtpm);
	vtpm.deaf = false;
	start_ready(&vtpm); /* commits what was published */
	assert_int_equal(call_again(&vtpm, peer.id, increment, &answer), TPM_RC_SUCCESS);
	assert_true(counter(&vtpm) == 1);
}

static void test_spawn_unanswered_commit_is_sent_again(void **state)
{
	struct test_command increment = test_counter_increment();
	uint8_t bytes[8];
	struct ipc_out again = ipc_out(ENGINE_AGAIN, bytes, sizeof(bytes));
	unsigned int commits;

	(void)state;
	start_ready(&vtpm);
	assert_int_equal(call(&vtpm, test_counter_define(), &answer), TPM_RC_SUCCESS);
	commits = vtpm.commits;
	vtpm.deaf = true;
	test_send(&peer, VTPM_FRAME_COMMAND, ++peer.id, 0, &increment);
	assert_int_equal(test_vtpm_step(&vtpm), 0);
	/* the manager dies; the next one asks spawn */
	test_vtpm_drop(&vtpm);
	assert_int_equal(test_host_connect(&host), 0);
	{
		struct test_entry entry;

		assert_int_equal(test_host_list(&host, &entry, 1), 1);
		assert_int_equal(entry.pid, vtpm.pid);
		assert_true(entry.instance == vtpm.instance);
		vtpm.channel = entry.channel;
		vtpm.life = entry.life;
	}
	vtpm.deaf = false;
	assert_int_equal(ipc_send(vtpm.channel, &again), 0);
	assert_int_equal(test_vtpm_until(&vtpm, peer.socket), 0);
	assert_true(test_receive(&peer, &answer));
	assert_int_equal(tpm_response_code(answer.response, answer.length), TPM_RC_SUCCESS);
	assert_int_equal(vtpm.commits, commits + 2);
	assert_true(counter(&vtpm) == 1);
}

static void test_spawn_refused_commit_takes_the_command_back(void **state)
{
	(void)state;
	start_ready(&vtpm);
	assert_int_equal(call(&vtpm, test_counter_define(), &answer), TPM_RC_SUCCESS);
	vtpm.refuse = ENOSPC;
	assert_int_equal(call(&vtpm, test_counter_increment(), &answer), TPM_RC_NV_UNAVAILABLE);
	vtpm.refuse = 0;
	assert_int_equal(call(&vtpm, test_counter_increment(), &answer), TPM_RC_SUCCESS);
	assert_true(counter(&vtpm) == 1);
	vtpm.refuse = EUCLEAN;
	{
		struct test_command increment = test_counter_increment();

		test_send(&peer, VTPM_FRAME_COMMAND, ++peer.id, 0, &increment);
	}
	assert_int_equal(test_vtpm_until_end(&vtpm), 0);
	assert_int_equal(vtpm.status, ENGINE_EXIT_STORE);
	expect_exit(&vtpm, ENGINE_EXIT_STORE << 8);
}

static void test_spawn_no_data_key(void **state)
{
	(void)state;
	host.keyd->error = ENOKEY;
	assert_int_equal(start_packet(&vtpm), 0);
	expect_end(&vtpm, ENGINE_EXIT_KEY, "The host is locked: unlock it.");
	host.keyd->error = 0;
	host.keyd->broken = true;
	assert_int_equal(start_packet(&vtpm), 0);
	expect_end(&vtpm, ENGINE_EXIT_KEY, "its answer is not one");
	kill(host.keyd_pid, SIGKILL);
	waitpid(host.keyd_pid, NULL, 0);
	host.keyd_pid = 0;
	assert_int_equal(start_packet(&vtpm), 0);
	expect_end(&vtpm, ENGINE_EXIT_KEY, "keyd cannot be reached");
	assert_true(vtpm.generation == 0);
}

static void test_spawn_quarantine_says_why(void **state)
{
	(void)state;
	start_ready(&vtpm);
	assert_int_equal(signal_engine(&vtpm, SIGTERM), 0);
	assert_int_equal(test_vtpm_until_end(&vtpm), 0);
	expect_exit(&vtpm, 0);
	vtpm.instance++;
	vtpm.envelope[vtpm.length / 2] ^= 1;
	assert_int_equal(start_packet(&vtpm), 0);
	expect_end(&vtpm, ENGINE_EXIT_QUARANTINE, "the envelope was changed");
	vtpm.envelope[vtpm.length / 2] ^= 1;
	vtpm.epoch++;
	assert_int_equal(start_packet(&vtpm), 0);
	expect_end(&vtpm, ENGINE_EXIT_QUARANTINE, "another epoch");
	vtpm.epoch--;
	host.keyd->key_byte++;
	assert_int_equal(start_packet(&vtpm), 0);
	expect_end(&vtpm, ENGINE_EXIT_QUARANTINE, "the data key is a wrong one");
	host.keyd->key_byte--;
	vtpm.flags = 0;
	vtpm.length = 0;
	vtpm.generation = 0;
	assert_int_equal(start_packet(&vtpm), 0);
	expect_end(&vtpm, ENGINE_EXIT_NO_STATE, "there is no state");
}

static void test_spawn_without_link_makes_and_ends(void **state)
{
	uint64_t generation;

	(void)state;
	assert_int_equal(test_host_start(&host, &vtpm, SPAWN_START_IDLE, NULL, 0), 0);
	/* it is not there yet when spawn answers, and it cannot end before its commit */
	for (int i = 0; i < 1000 && sched_getscheduler(vtpm.pid) != SCHED_IDLE; i++)
		usleep(1000);
	assert_int_equal(sched_getscheduler(vtpm.pid), SCHED_IDLE);
	assert_int_equal(test_vtpm_until_end(&vtpm), 0);
	assert_int_equal(vtpm.status, 0);
	assert_string_equal(vtpm.reason, "");
	expect_exit(&vtpm, 0);
	generation = vtpm.generation;
	assert_true(generation > 0 && vtpm.length > 0);
	vtpm.instance++;
	vtpm.flags = 0;
	start_ready(&vtpm);
	assert_int_equal(call(&vtpm, test_get_random(8), &answer), TPM_RC_SUCCESS);
	assert_true(vtpm.generation > generation);
}

/* Two starts from one state, with and without entropy of the host's TPM. */
static void test_spawn_starts_never_repeat_random(void **state)
{
	static struct test_vtpm twin;

	(void)state;
	assert_int_equal(test_host_start(&host, &vtpm, 0, NULL, 0), 0);
	assert_int_equal(test_vtpm_until_end(&vtpm), 0);
	expect_exit(&vtpm, 0);
	for (uint32_t entropy = 0; entropy <= 32; entropy += 32) {
		host.keyd->entropy = entropy;
		twin = vtpm;
		twin.channel = -1;
		for (int i = 0; i < 2; i++) {
			twin = vtpm;
			twin.channel = -1;
			twin.instance = 100 + entropy + (uint64_t)i;
			start_ready(&twin);
			assert_int_equal(call(&twin, test_get_random(32), i ? &other : &answer), 0);
			slay(&twin);
			close(twin.channel);
		}
		assert_memory_not_equal(answer.response + 12, other.response + 12, 32);
	}
}

static void end_in_order(struct test_vtpm *v)
{
	assert_int_equal(signal_engine(v, SIGTERM), 0);
	assert_int_equal(test_vtpm_until_end(v), 0);
	expect_exit(v, 0);
}

static uint64_t epoch_of(const struct test_vtpm *v)
{
	struct envelope_head head;

	assert_int_equal(envelope_look(v->envelope, v->length, &head), 0);
	assert_int_equal(head.generation, v->generation);
	return head.epoch;
}

/*
 * Under a new epoch the state is committed before the engine is ready, even where nothing in it
 * has changed (a firmware's: nobody has called Startup), and the former envelope opens no more.
 */
static void test_spawn_new_epoch(void **state)
{
	static struct test_vtpm former;
	uint64_t generation;

	(void)state;
	start_ready(&vtpm);
	assert_int_equal(call(&vtpm, test_counter_define(), &answer), TPM_RC_SUCCESS);
	assert_int_equal(call(&vtpm, test_counter_increment(), &answer), TPM_RC_SUCCESS);
	end_in_order(&vtpm);
	former = vtpm;
	for (uint32_t firmware = 0; firmware < 2; firmware++) {
		generation = vtpm.generation;
		vtpm.epoch++;
		vtpm.instance++;
		vtpm.flags = ENGINE_CONFIG_RESEAL | (firmware ? ENGINE_CONFIG_FIRMWARE : 0);
		start_ready(&vtpm);
		assert_int_equal(epoch_of(&vtpm), vtpm.epoch);
		assert_true(vtpm.generation > generation);
		vtpm.flags = 0;
		slay(&vtpm);
		start_ready(&vtpm);
		assert_true(vtpm.resumed);
		if (firmware)
			assert_int_equal(call(&vtpm, test_startup(), &answer), TPM_RC_SUCCESS);
		assert_int_equal(counter(&vtpm), 1);
		slay(&vtpm);
	}
	former.epoch = vtpm.epoch;
	former.instance = vtpm.instance + 1;
	former.flags = 0;
	assert_int_equal(start_packet(&former), 0);
	expect_end(&former, ENGINE_EXIT_QUARANTINE, "another epoch");
	close(former.channel);
}

/* Order to seal anew what is not of a former epoch, or with a life that goes on: refused. */
static void test_spawn_new_epoch_refused(void **state)
{
	(void)state;
	start_ready(&vtpm);
	slay(&vtpm);
	vtpm.flags = ENGINE_CONFIG_RESEAL;
	vtpm.epoch++;
	assert_int_equal(start_packet(&vtpm), 0);
	expect_end(&vtpm, ENGINE_EXIT_QUARANTINE, "another epoch");
	vtpm.instance++;
	vtpm.epoch--;
	assert_int_equal(start_packet(&vtpm), 0);
	expect_end(&vtpm, ENGINE_EXIT_QUARANTINE, "not of a former epoch");
	assert_int_equal(epoch_of(&vtpm), 1);
}

#define MANY 50

static void test_spawn_children_have_nothing_in_common(void **state)
{
	static uint8_t random[MANY][32];

	(void)state;
	for (int i = 0; i < MANY; i++) {
		name_vtpm(&second, (uint8_t)(i + 1));
		second.flags |= ENGINE_CONFIG_FIRMWARE;
		start_ready(&second);
		assert_int_equal(call(&second, test_startup(), &answer), TPM_RC_SUCCESS);
		assert_int_equal(call(&second, test_get_random(32), &answer), TPM_RC_SUCCESS);
		cursor_copy(random[i], 32, answer.response + TPM_HEAD_SIZE + 2, 32);
		for (int j = 0; j < i; j++)
			assert_memory_not_equal(random[i], random[j], 32);
		assert_int_equal(signal_engine(&second, SIGKILL), 0);
	}
}

static void test_spawn_list_and_forget(void **state)
{
	struct test_entry entries[4];
	uint8_t unknown[IPC_UUID_SIZE] = { 1 };

	(void)state;
	assert_int_equal(test_host_list(&host, entries, 4), 0);
	start_ready(&vtpm);
	slay(&vtpm);
	start_ready(&second);
	assert_int_equal(test_host_connect(&host), 0);
	assert_int_equal(test_host_list(&host, entries, 4), 2);
	assert_memory_equal(entries[0].uuid, vtpm.uuid, 16);
	assert_int_equal(entries[0].pid, 0);
	assert_int_equal(entries[0].status, SIGKILL);
	assert_int_equal(entries[1].pid, second.pid);
	for (int i = 0; i < 2; i++) {
		assert_true(life_is_there(&entries[i].life) && entries[i].life.journal < 0);
		close(entries[i].channel);
		life_close(&entries[i].life);
	}

	assert_int_equal(test_host_ask(&host, SPAWN_FORGET, second.uuid, 16), -EBUSY);
	assert_int_equal(test_host_ask(&host, SPAWN_FORGET, vtpm.uuid, 16), 0);
	assert_int_equal(test_host_ask(&host, SPAWN_FORGET, unknown, 16), 0);
	assert_int_equal(test_host_list(&host, entries, 4), 1);
	close(entries[0].channel);
	life_close(&entries[0].life);
	assert_int_equal(signal_engine(&vtpm, SIGTERM), -ESRCH);
	test_vtpm_drop(&vtpm);
	start_ready(&vtpm);
	assert_false(vtpm.resumed); /* its memory is gone */
}

/* Many more answers than a socket's queue holds, to a manager that reads late. */
static void test_spawn_long_list(void **state)
{
	uint8_t bytes[64];
	struct ipc_out list = ipc_out(SPAWN_LIST, bytes, sizeof(bytes));
	struct test_exit report;

	(void)state;
	kill(host.keyd_pid, SIGSTOP); /* engines wait for their key */
	for (int i = 0; i < 200; i++) {
		name_vtpm(&second, (uint8_t)(i + 1));
		second.uuid[14] = 1;
		assert_int_equal(start_packet(&second), 0);
	}
	cursor_put_u32(&list.body, 1);
	for (int i = 0; i < 20; i++)
		assert_int_equal(ipc_send(host.manager, &list), 0);
	usleep(100000);
	assert_int_equal(test_host_list(&host, NULL, 0), 200);
	for (int i = 0; i < 20; i++) /* that was the first; these are the others */
		assert_int_equal(test_host_connect(&host), 0);
	assert_int_equal(test_host_list(&host, NULL, 0), 200);
	for (int i = 0; i < 200; i++) {
		second.uuid[15] = (uint8_t)(i + 1);
		assert_int_equal(signal_engine(&second, SIGKILL), 0);
	}
	/* reports that came between the answers were passed over; the list has them all */
	while (!test_host_exited(&host, &report) && report.uuid[15] != 200)
		;
	kill(host.keyd_pid, SIGCONT);
}

static int count_files(pid_t pid)
{
	char path[64];
	int count = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	dir = opendir(path);
	if (!dir)
		return -1;
	for (const struct dirent *entry; (entry = readdir(dir));)
		count += entry->d_name[0] != '.';
	closedir(dir);
	return count;
}

/* As many as there can be, and still a new manager is heard and a dead engine started. */
static void run_out_of(rlim_t files)
{
	const struct rlimit few = { files, files };
	int made = 0, r = 0;

	kill(host.keyd_pid, SIGSTOP);
	assert_int_equal(prlimit(host.spawn, RLIMIT_NOFILE, &few, NULL), 0);
	while (!r && made < 64) {
		name_vtpm(&second, (uint8_t)(made + 1));
		r = start_packet(&second);
		made += !r;
	}
	assert_int_equal(r, -EMFILE);
	assert_true(made > 10);
	assert_int_equal(test_host_connect(&host), 0);
	assert_int_equal(test_host_list(&host, NULL, 0), made);
	assert_int_equal(start_packet(&second), -EMFILE);
	name_vtpm(&vtpm, 1);
	assert_int_equal(signal_engine(&vtpm, SIGKILL), 0);
	kill(host.keyd_pid, SIGCONT);
	while ((r = start_packet(&vtpm)) == -EBUSY)
		usleep(1000);
	assert_int_equal(r, 0);
	assert_int_equal(test_vtpm_until_ready(&vtpm), 0);
}

static void test_spawn_descriptors_run_out(void **state)
{
	run_out_of(64);
	teardown(state);
	assert_int_equal(setup(state), 0);
	run_out_of(65);
}

static void test_spawn_starts_leave_nothing_behind(void **state)
{
	int before;

	(void)state;
	start_ready(&vtpm);
	slay(&vtpm);
	before = count_files(host.spawn);
	if (before < 0)
		skip();
	for (int i = 0; i < 100; i++) {
		vtpm.instance += i % 3 == 0;
		assert_int_equal(start_packet(&vtpm), 0);
		slay(&vtpm);
	}
	assert_int_equal(count_files(host.spawn), before);
}

static void expect_cut_off(const void *bytes, size_t length)
{
	uint8_t byte[4];

	assert_int_equal(test_host_connect(&host), 0);
	assert_int_equal(send(host.manager, bytes, length, MSG_NOSIGNAL), length);
	assert_int_equal(recv(host.manager, byte, sizeof(byte), 0), 0);
}

static void test_spawn_hostile_messages(void **state)
{
	static uint8_t large[SPAWN_REQUEST_MAX + 1];
	uint8_t bytes[64] = { 0 };

	(void)state;
	expect_cut_off("abc", 3);
	expect_cut_off(large, sizeof(large));
	for (uint8_t op = 0; op < _SPAWN_OP_MAX + 2; op++) {
		bytes[3] = op;
		if (op != SPAWN_LIST && op != SPAWN_END && op != SPAWN_LEAVE)
			expect_cut_off(bytes, 8); /* too short, or not a request */
		expect_cut_off(bytes, 60);	  /* too long, or nobody's uuid */
	}
	assert_int_equal(test_host_connect(&host), 0);
	start_ready(&vtpm);
	assert_int_equal(call(&vtpm, test_get_random(8), &answer), TPM_RC_SUCCESS);
}

static void send_to_engine(const void *bytes, size_t length)
{
	assert_int_equal(send(vtpm.channel, bytes, length, MSG_NOSIGNAL), length);
}

static void test_spawn_engine_ends_at_nonsense_of_the_manager(void **state)
{
	struct test_command increment = test_counter_increment();
	uint8_t bytes[64];
	struct ipc_out out;

	(void)state;
	start_ready(&vtpm);
	assert_int_equal(call(&vtpm, test_counter_define(), &answer), TPM_RC_SUCCESS);
	vtpm.deaf = true;
	test_send(&peer, VTPM_FRAME_COMMAND, ++peer.id, 0, &increment);
	assert_int_equal(test_vtpm_step(&vtpm), 0);
	out = ipc_out(ENGINE_COMMITTED, bytes, sizeof(bytes));
	cursor_put_u64(&out.body, vtpm.generation + 7);
	cursor_put_u32(&out.body, 0);
	send_to_engine(bytes, out.body.used);
	expect_end(&vtpm, ENGINE_EXIT_ERROR, "no message");
	vtpm.deaf = false;
	start_ready(&vtpm);
	assert_int_equal(call_again(&vtpm, peer.id, increment, &answer), TPM_RC_SUCCESS);
	assert_true(counter(&vtpm) == 1);
}

static void test_spawn_manager_goes_engines_stay(void **state)
{
	(void)state;
	start_ready(&vtpm);
	close(host.manager);
	host.manager = -1;
	assert_int_equal(call(&vtpm, test_get_random(8), &answer), TPM_RC_SUCCESS);
	assert_int_equal(test_host_connect(&host), 0);
	/* once it is answered it is the manager, and gets reports */
	assert_int_equal(test_host_list(&host, NULL, 0), 1);
	slay(&vtpm);
}

static void test_spawn_ends_in_order(void **state)
{
	uint64_t generation;
	int status;

	(void)state;
	start_ready(&vtpm);
	generation = vtpm.generation;
	assert_int_equal(test_host_ask(&host, SPAWN_END, NULL, 0), 0);
	assert_int_equal(test_host_start(&host, &second, 0, NULL, 0), -ECANCELED);
	assert_int_equal(test_vtpm_until_end(&vtpm), 0);
	assert_int_equal(vtpm.status, 0);
	assert_true(vtpm.generation > generation);
	assert_int_equal(waitpid(host.spawn, &status, 0), host.spawn);
	assert_int_equal(status, 0);
	host.spawn = 0;
}

/* What the manager keeps, the next spawn goes on from, with the commit that was under way. */
static void test_spawn_death_is_survived(void **state)
{
	struct test_command increment = test_counter_increment();

	(void)state;
	start_ready(&vtpm);
	assert_int_equal(call(&vtpm, test_counter_define(), &answer), TPM_RC_SUCCESS);
	vtpm.deaf = true;
	test_send(&peer, VTPM_FRAME_COMMAND, ++peer.id, 0, &increment);
	assert_int_equal(test_vtpm_step(&vtpm), 0);
	assert_int_equal(test_host_replace(&host, SIGKILL), 0);
	assert_false(test_receive(&peer, &answer)); /* the engine went too */
	assert_int_equal(test_host_list(&host, NULL, 0), 0);
	vtpm.deaf = false;
	start_ready(&vtpm);
	assert_true(vtpm.resumed);
	assert_int_equal(call_again(&vtpm, peer.id, increment, &answer), TPM_RC_SUCCESS);
	assert_true(counter(&vtpm) == 1);
	/* spawn keeps it again, and the next engine has it from there */
	slay(&vtpm);
	test_vtpm_drop(&vtpm);
	start_ready(&vtpm);
	assert_true(vtpm.resumed);
}

/* Left and taken over, by signal and by request; a SIGTERM meanwhile still ends in order. */
static void test_spawn_leaves_to_the_next(void **state)
{
	int status;

	(void)state;
	start_ready(&vtpm);
	assert_int_equal(call(&vtpm, test_counter_define(), &answer), TPM_RC_SUCCESS);
	for (uint64_t i = 1; i <= 4; i++) {
		assert_int_equal(call(&vtpm, test_counter_increment(), &answer), TPM_RC_SUCCESS);
		assert_int_equal(test_host_list(&host, NULL, 0), 1);
		if (i % 2)
			assert_int_equal(test_host_ask(&host, SPAWN_LEAVE, NULL, 0), 0);
		else
			assert_int_equal(kill(host.spawn, SIGHUP), 0);
		assert_int_equal(test_vtpm_until_end(&vtpm), 0);
		assert_int_equal(vtpm.status, ENGINE_EXIT_LEFT);
		assert_string_equal(vtpm.reason, "");
		expect_exit(&vtpm, ENGINE_EXIT_LEFT << 8); /* heard before spawn is gone */
		assert_int_equal(waitpid(host.spawn, &status, 0), host.spawn);
		assert_int_equal(status, 0);
		assert_int_equal(test_host_begin(&host), 0);
		start_ready(&vtpm);
		assert_true(vtpm.resumed);
		assert_true(counter(&vtpm) == i);
	}
}

/* Who has not heard of all that is kept does not keep it. */
static void test_spawn_does_not_leave_before_the_manager_knows(void **state)
{
	(void)state;
	start_ready(&vtpm);
	assert_int_equal(test_host_connect(&host), 0);
	assert_int_equal(test_host_ask(&host, SPAWN_LEAVE, NULL, 0), 0);
	usleep(100000);
	assert_int_equal(call(&vtpm, test_get_random(8), &answer), TPM_RC_SUCCESS);
	assert_int_equal(test_host_list(&host, NULL, 0), 1);
	expect_exit(&vtpm, ENGINE_EXIT_LEFT << 8);
	assert_int_equal(waitpid(host.spawn, NULL, 0), host.spawn);
	host.spawn = 0;
}

static void test_spawn_that_leaves_can_be_ended(void **state)
{
	int status;

	(void)state;
	start_ready(&vtpm);
	assert_int_equal(test_host_list(&host, NULL, 0), 1);
	kill(vtpm.pid, SIGSTOP);
	assert_int_equal(test_host_ask(&host, SPAWN_LEAVE, NULL, 0), 0);
	assert_int_equal(test_host_ask(&host, SPAWN_END, NULL, 0), 0);
	assert_int_equal(test_host_ask(&host, SPAWN_LEAVE, NULL, 0), -ECANCELED);
	kill(vtpm.pid, SIGCONT);
	expect_end(&vtpm, ENGINE_EXIT_OK, "");
	assert_int_equal(waitpid(host.spawn, &status, 0), host.spawn);
	assert_int_equal(status, 0);
	host.spawn = 0;
}

static void test_spawn_death_is_a_power_cut_where_nobody_keeps(void **state)
{
	(void)state;
	start_ready(&vtpm);
	assert_int_equal(call(&vtpm, test_counter_define(), &answer), TPM_RC_SUCCESS);
	assert_int_equal(test_host_replace(&host, SIGKILL), 0);
	assert_false(test_receive(&peer, &answer));
	test_vtpm_drop(&vtpm);
	start_ready(&vtpm);
	assert_false(vtpm.resumed);
}

/* A stream has five descriptors to go on from, a device one: neither is taken for the other. */
static void test_spawn_life_of_another_kind_is_refused(void **state)
{
	int links[2];

	(void)state;
	start_ready(&vtpm);
	slay(&vtpm);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, links), 0);
	assert_int_equal(test_host_start(&host, &vtpm, 0, links, 2), -EPIPE);
	close(links[0]);
	close(links[1]);
	assert_int_equal(test_host_connect(&host), 0);
	start_ready(&vtpm);
	assert_true(vtpm.resumed);
}

static void read_status(pid_t pid, char *text, size_t room)
{
	char path[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = read(fd, text, room - 1);
	assert_true(n > 0);
	text[n] = 0;
	close(fd);
}

static void test_spawn_child_has_only_its_own(void **state)
{
	char text[4096];

	(void)state;
	start_ready(&second);
	start_ready(&vtpm);
	/* 0, 1, 2, channel, checkpoint, link; not dumpable: none of others' business */
	assert_int_equal(count_files(vtpm.pid), geteuid() ? -1 : 6);
	read_status(vtpm.pid, text, sizeof(text));
	assert_non_null(strstr(text, "Name:\tvtpm:ab000000\n"));
	assert_non_null(strstr(text, "\nSeccomp:\t2\n"));
	assert_non_null(strstr(text, "\nNoNewPrivs:\t1\n"));
	assert_non_null(strstr(text, "\nSigBlk:\t0000000000000000\n"));
}

static void test_spawn_becomes_somebody_else(void **state)
{
	char text[4096];

	(void)state;
	if (geteuid())
		skip();
	test_host_done(&host);
	host.user = "nobody";
	assert_int_equal(test_host_new(&host), 0);
	host.user = NULL;
	start_ready(&vtpm);
	assert_int_equal(call(&vtpm, test_get_random(8), &answer), TPM_RC_SUCCESS);
	read_status(vtpm.pid, text, sizeof(text));
	assert_non_null(strstr(text, "\nUid:\t65534\t65534\t65534\t65534\n"));
	assert_non_null(strstr(text, "\nCapPrm:\t0000000000000000\n"));
	assert_non_null(strstr(text, "\nGroups:\t \n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SPAWN(test_spawn_serves),
		SPAWN(test_spawn_killed_engine_resumes),
		SPAWN(test_spawn_locks_what_is_written),
		SPAWN(test_spawn_other_instance_gets_other_memory),
		SPAWN(test_spawn_death_between_publish_and_commit),
		SPAWN(test_spawn_unanswered_commit_is_sent_again),
		SPAWN(test_spawn_refused_commit_takes_the_command_back),
		SPAWN(test_spawn_no_data_key),
		SPAWN(test_spawn_quarantine_says_why),
		SPAWN(test_spawn_without_link_makes_and_ends),
		SPAWN(test_spawn_starts_never_repeat_random),
		SPAWN(test_spawn_children_have_nothing_in_common),
		SPAWN(test_spawn_new_epoch),
		SPAWN(test_spawn_new_epoch_refused),
		SPAWN(test_spawn_list_and_forget),
		SPAWN(test_spawn_long_list),
		SPAWN(test_spawn_descriptors_run_out),
		SPAWN(test_spawn_starts_leave_nothing_behind),
		SPAWN(test_spawn_hostile_messages),
		SPAWN(test_spawn_engine_ends_at_nonsense_of_the_manager),
		SPAWN(test_spawn_manager_goes_engines_stay),
		SPAWN(test_spawn_ends_in_order),
		SPAWN(test_spawn_death_is_survived),
		SPAWN(test_spawn_leaves_to_the_next),
		SPAWN(test_spawn_does_not_leave_before_the_manager_knows),
		SPAWN(test_spawn_that_leaves_can_be_ended),
		SPAWN(test_spawn_death_is_a_power_cut_where_nobody_keeps),
		SPAWN(test_spawn_life_of_another_kind_is_refused),
		SPAWN(test_spawn_child_has_only_its_own),
		SPAWN(test_spawn_becomes_somebody_else),
	};

	return cmocka_run_group_tests_name("spawn", tests, NULL, NULL);
}
