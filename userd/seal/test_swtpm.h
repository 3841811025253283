/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * For tests: a host TPM of their own, played by swtpm, and tpm2-tools to do to it what
 * a machine's firmware or an attacker would. swtpm serves one connection at a time: the
 * tools work while nobody else is connected.
 */
#ifndef SEAL_TEST_SWTPM_H
#define SEAL_TEST_SWTPM_H

#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cursor.h"

#define TEST_ARGS 24

extern char **environ;

struct test_swtpm {
	pid_t pid;
	char dir[64];
	char path[80];
	char tcti[112];
};

static inline int test_remove_one(const char *path, const struct stat *status, int flag,
				  struct FTW *ftw)
{
	(void)status;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static inline void test_remove_tree(const char *path)
{
	nftw(path, test_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static inline bool test_connects(const char *path)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool connected;

	cursor_copy(to.sun_path, sizeof(to.sun_path) - 1, path, strlen(path));
	connected = !connect(fd, (struct sockaddr *)&to, sizeof(to));
	close(fd);
	return connected;
}

/* Start "program argument...", words apart by single blanks; @line is taken apart. */
static inline pid_t test_spawn(const char *path, char *line, posix_spawn_file_actions_t *actions)
{
	char *argv[TEST_ARGS + 1] = { NULL };
	pid_t pid;

	for (int i = 0; line && i < TEST_ARGS; i++)
		argv[i] = strsep(&line, " ");
	if (posix_spawnp(&pid, path ? path : argv[0], actions, NULL, argv, environ))
		abort();
	return pid;
}

/* Runs in @swtpm->dir, which keeps the TPM's state from one start to the next. */
static inline void test_swtpm_start(struct test_swtpm *swtpm, const char *flags)
{
	char line[512];

	snprintf(line, sizeof(line),
		 "swtpm socket --tpm2 --tpmstate dir=%s --ctrl type=unixio,path=%s.ctrl "
		 "--server type=unixio,path=%s --flags %s",
		 swtpm->dir, swtpm->path, swtpm->path, flags);
	swtpm->pid = test_spawn(NULL, line, NULL);
	for (int i = 0; !test_connects(swtpm->path); i++) {
		if (i == 1000)
			abort();
		usleep(10000);
	}
}

#define TEST_STARTED "not-need-init,startup-clear"

static inline void test_swtpm_new(struct test_swtpm *swtpm, const char *flags)
{
	snprintf(swtpm->dir, sizeof(swtpm->dir), "/tmp/vtpm-swtpm-XXXXXX");
	if (!mkdtemp(swtpm->dir))
		abort();
	snprintf(swtpm->path, sizeof(swtpm->path), "%s/S", swtpm->dir);
	snprintf(swtpm->tcti, sizeof(swtpm->tcti), "swtpm:path=%s", swtpm->path);
	test_swtpm_start(swtpm, flags);
}

/* As a machine that is switched off. */
static inline void test_swtpm_stop(struct test_swtpm *swtpm)
{
	kill(swtpm->pid, SIGTERM);
	waitpid(swtpm->pid, NULL, 0);
	unlink(swtpm->path);
}

static inline void test_swtpm_done(struct test_swtpm *swtpm)
{
	test_swtpm_stop(swtpm);
	test_remove_tree(swtpm->dir);
}

/* Run "name argument..." at the TPM, its output to @output or nowhere. Return: its exit status. */
static inline int test_tool(const struct test_swtpm *swtpm, const char *line, const char *output)
{
	posix_spawn_file_actions_t actions;
	char words[512];
	int status;
	pid_t pid;

	snprintf(words, sizeof(words), "%s", line);
	setenv("TPM2TOOLS_TCTI", swtpm->tcti, 1);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 1, output ? output : "/dev/null",
					 O_WRONLY | O_CREAT | O_TRUNC, 0600);
	posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
	pid = test_spawn(NULL, words, &actions);
	if (waitpid(pid, &status, 0) != pid)
		abort();
	posix_spawn_file_actions_destroy(&actions);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* The same, and each @ in @line stands for @dir. */
static inline int test_tool_at(const struct test_swtpm *swtpm, const char *dir, const char *line,
			       const char *output)
{
	char words[512];
	size_t used = 0;

	for (; *line && used < sizeof(words) - 80; line++) {
		if (*line == '@')
			used += (size_t)snprintf(words + used, sizeof(words) - used, "%s", dir);
		else
			words[used++] = *line;
	}
	words[used] = 0;
	return test_tool(swtpm, words, output);
}

static inline FILE *test_file_open(const char *dir, const char *base, const char *mode)
{
	char path[96];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", dir, base);
	file = fopen(path, mode);
	if (!file)
		abort();
	return file;
}

static inline void test_file_write(const char *dir, const char *base, const void *bytes,
				   size_t length)
{
	FILE *file = test_file_open(dir, base, "w");

	if (fwrite(bytes, 1, length, file) != length)
		abort();
	fclose(file);
}

/* Return: how many bytes, @room at most. */
static inline size_t test_file_read(const char *dir, const char *base, void *to, size_t room)
{
	FILE *file = test_file_open(dir, base, "r");
	size_t n = fread(to, 1, room, file);

	fclose(file);
	return n;
}

/* What "name argument..." prints. */
static inline const char *test_tool_says(const struct test_swtpm *swtpm, const char *line, char *to,
					 size_t room)
{
	char path[96];
	FILE *file;
	size_t n;

	snprintf(path, sizeof(path), "%s/out", swtpm->dir);
	if (test_tool(swtpm, line, path))
		return NULL;
	file = fopen(path, "r");
	n = file ? fread(to, 1, room - 1, file) : 0;
	to[n] = 0;
	if (file)
		fclose(file);
	return to;
}

/* Sessions and objects that are in the TPM, persistent ones included. */
static inline void test_handles(const struct test_swtpm *swtpm, char *to, size_t room)
{
	static const char *const kinds[] = {
		"handles-transient",  "handles-loaded-session", "handles-saved-session",
		"handles-persistent", "handles-nv-index",
	};

	to[0] = 0;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		char line[64], part[512];
		size_t used = strlen(to);

		snprintf(line, sizeof(line), "tpm2_getcap %s", kinds[i]);
		if (!test_tool_says(swtpm, line, part, sizeof(part)))
			abort();
		snprintf(to + used, room - used, "%s:%s\n", kinds[i], part);
	}
}

#endif /* SEAL_TEST_SWTPM_H */
