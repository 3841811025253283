// SPDX-License-Identifier: BSD-3-Clause
/*
 * Evidence in files. Those of securityfs have no size until they are read, so a file is
 * read until it ends, or has more than it may.
 */
#include "verifier/verifier.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"

#define FIRST_ROOM 65536
#define PCRS_MOST  65536

static void freep(char **bytes)
{
	free(*bytes);
}

static int unreadable(struct attest_verdict *verdict, const char *code, int error)
{
	attest_verdict_say(verdict, ATTEST_FAILED, code,
			   "give a file that exists and that you may read",
			   "the file cannot be read: %s", strerror(error));
	verdict->malformed = true;
	return -EBADMSG;
}

static int read_all(int fd, size_t most, const char *code, struct attest_verdict *verdict,
		    char **bytes, size_t *ret_length)
{
	size_t room = 0, used = 0;

	for (;;) {
		ssize_t got;

		if (used == room) {
			char *larger = realloc(*bytes, (room = room ? 2 * room : FIRST_ROOM) + 1);

			if (!larger)
				return -ENOMEM;
			*bytes = larger;
		}
		got = read(fd, *bytes + used, room - used);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return unreadable(verdict, code, errno);
		if (!got)
			break;
		used += (size_t)got;
		if (used > most)
			return unreadable(verdict, code, EFBIG);
	}
	(*bytes)[used] = '\0';
	*ret_length = used;
	return 0;
}

int verifier_file_read(const char *path, size_t most, const char *code,
		       struct attest_verdict *verdict, char **ret, size_t *ret_length)
{
	_cleanup_(close_fdp) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	_cleanup_(freep) char *bytes = NULL;
	int r;

	if (fd < 0)
		return unreadable(verdict, code, errno);
	r = read_all(fd, most, code, verdict, &bytes, ret_length);
	if (!r)
		*ret = TAKE_PTR(bytes);
	return r;
}

int verifier_pcrs_read(const struct verifier *verifier, struct attest_verdict *verdict,
		       struct attest_pcrs *ret, bool *ret_given)
{
	_cleanup_(freep) char *text = NULL;
	size_t length;
	int r;

	*ret_given = verifier->pcrs;
	if (!verifier->pcrs) {
		attest_verdict_unchecked(verdict, "no PCR values are given (--pcrs), so nothing "
						  "vouches for the log");
		return 0;
	}
	r = verifier_file_read(verifier->pcrs, PCRS_MOST, "pcrs.missing", verdict, &text, &length);
	return r ? r : attest_pcrs_read(ret, text, length, verdict);
}

void verifier_boot_id(char ret[STANDING_ID])
{
	FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");

	if (!file || !fgets(ret, STANDING_ID, file))
		*ret = '\0';
	if (file)
		fclose(file);
}
