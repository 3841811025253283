// SPDX-License-Identifier: BSD-3-Clause
/*
 * What a new TPM has when its engine says that it is made.
 */
#include "spawn/test_spawn.h"

/* Whatever a person would do: tpm2-tools make the same keys from the same templates. */
static const char tools[] =
	"exec 2>&1\n"
	"same() {\n"
	"	tpm2_createek -Q -c ek.ctx -G $1 -u made.pub && tpm2_flushcontext -t &&\n"
	"	tpm2_readpublic -Q -c $2 -o kept.pub && cmp made.pub kept.pub || echo \"differs: "
	"$1\"\n"
	"}\n"
	"same rsa 0x81010001 && same ecc 0x8101000a && same ecc384 0x81010016\n"
	"tpm2_createprimary -Q -C e -G ecc256:ecdsa-sha256:null -g sha256 -c ak.ctx -a 'fixedtpm|"
	"fixedparent|sensitivedataorigin|userwithauth|noda|restricted|sign' &&\n"
	"tpm2_readpublic -Q -c ak.ctx -o made.pub && tpm2_flushcontext -t &&\n"
	"tpm2_readpublic -Q -c 0x81020001 -o kept.pub && cmp made.pub kept.pub\n"
	"tpm2_getcap handles-persistent | wc -l\n"
	"tpm2_getcap pcrs | grep -c '\\[ 0, 1, 2,.*23 \\]'\n"
	"tpm2_getcap pcrs | grep -c 'sha256: *\\[ 0'\n"
	"tpm2_getcap properties-variable | grep -c 'inLockout: *0'\n";

static int listen_at(const char *name)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(at.sun_path, sizeof(at.sun_path), "%s/%s", host.dir, name);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(fd, 8), 0);
	return fd;
}

/* Return: what it printed, cut to @room. */
static void run_tools(struct test_vtpm *v, char *text, size_t room)
{
	size_t have = 0;
	int out[2], n;
	pid_t pid;

	assert_int_equal(pipe(out), 0);
	pid = fork();
	if (!pid) {
		char tcti[96];

		snprintf(tcti, sizeof(tcti), "swtpm:path=%s/tpm", host.dir);
		setenv("TPM2TOOLS_TCTI", tcti, 1);
		if (chdir(host.dir) || dup2(out[1], 1) < 0)
			_exit(126);
		execl("/bin/sh", "sh", "-c", tools, (char *)NULL);
		_exit(127);
	}
	close(out[1]);
	do {
		assert_int_equal(test_vtpm_until(v, out[0]), 0);
		n = (int)read(out[0], text + have, room - have - 1);
		have += n > 0 ? (size_t)n : 0;
	} while (n > 0);
	text[have] = 0;
	close(out[0]);
	waitpid(pid, NULL, 0);
}

static void remove_files(const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char path[96];

		snprintf(path, sizeof(path), "%s/%s", host.dir, names[i]);
		unlink(path);
	}
}

static void test_spawn_new_tpm_is_provisioned(void **state)
{
	static const char *const files[] = { "tpm", "tpm.ctrl", "ek.ctx", "made.pub", "kept.pub" };
	char text[2000];
	int links[2];

	(void)state;
	if (access("/usr/bin/tpm2_createek", X_OK))
		skip();
	for (uint32_t round = 0; round < 2; round++) {
		remove_files(files, sizeof(files) / sizeof(files[0]));
		links[0] = listen_at("tpm");
		links[1] = listen_at("tpm.ctrl");
		/* sha256 alone; then, with the same state, sha1, sha256, sha384 */
		vtpm.banks = round ? 1 << 0x4 | 1 << 0xb | 1 << 0xc : 0;
		vtpm.instance++;
		assert_int_equal(test_host_start(&host, &vtpm, 0, links, 2), 0);
		close(links[0]);
		close(links[1]);
		assert_int_equal(test_vtpm_until_ready(&vtpm), 0);
		run_tools(&vtpm, text, sizeof(text));
		/* persistent handles, banks, is sha256 one of them, not in lockout */
		if (strcmp(text, round ? "4\n3\n1\n1\n" : "4\n1\n1\n1\n"))
			fail_msg("%s", text);
		slay(&vtpm);
	}
	remove_files(files, sizeof(files) / sizeof(files[0]));
}

/* Of a new TPM, and at a power-on that is told so, the manager hears of each key. */
static void test_spawn_keys_are_told(void **state)
{
	size_t all;

	(void)state;
	vtpm.certify = 0x1e;
	assert_int_equal(start_packet(&vtpm), 0);
	assert_int_equal(test_vtpm_until_ready(&vtpm), 0);
	all = vtpm.certified;
	assert_true(all > 4 * 64);
	slay(&vtpm);
	vtpm.certify = 1 << 4;
	vtpm.certified = 0;
	vtpm.instance++;
	assert_int_equal(start_packet(&vtpm), 0);
	assert_int_equal(test_vtpm_until_ready(&vtpm), 0);
	assert_true(vtpm.certified && vtpm.certified < all / 2);
	slay(&vtpm);
	vtpm.certify = 0;
	vtpm.certified = 0;
	vtpm.instance++;
	assert_int_equal(start_packet(&vtpm), 0);
	assert_int_equal(test_vtpm_until_ready(&vtpm), 0);
	assert_int_equal(vtpm.certified, 0);
	slay(&vtpm);
}

static void test_spawn_unknown_banks_are_refused(void **state)
{
	(void)state;
	vtpm.banks = 1 << 0x5;
	assert_int_equal(start_packet(&vtpm), 0);
	expect_end(&vtpm, ENGINE_EXIT_ERROR, "PCR banks 0x20 are asked for");
	assert_true(vtpm.generation == 0); /* nothing half-made */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SPAWN(test_spawn_new_tpm_is_provisioned),
		SPAWN(test_spawn_keys_are_told),
		SPAWN(test_spawn_unknown_banks_are_refused),
	};

	return cmocka_run_group_tests_name("spawn, a new TPM", tests, NULL, NULL);
}
