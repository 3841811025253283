// SPDX-License-Identifier: BSD-3-Clause
/*
 * Its file; see the header. The state directory is vtpmd's user's, who may do to it what it
 * likes: no link is followed in it.
 */
#include "cli/enrolment.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/base64.h"
#include "base/cleanup.h"
#include "base/secret.h"
#include "cli/report.h"
#include "seal/keyfile.h"

#define STATE_DIR "/var/lib/vtpm"
#define FOLDER	  "attest"
#define NAME	  "enrolment"
#define PIN	  "verifier.pem"
#define FILE_MAX  16384

static const char *state_dir(const struct cli *cli)
{
	return cli->state_dir ? cli->state_dir : STATE_DIR;
}

/* Return: descriptor; -errno. */
static int open_folder(const struct cli *cli, bool make)
{
	_cleanup_(close_fdp) int parent = open(state_dir(cli), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int fd;

	if (parent < 0 || (make && mkdirat(parent, FOLDER, 0700) && errno != EEXIST))
		return -errno;
	fd = openat(parent, FOLDER, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 ? -errno : fd;
}

/* @certificate: DER as base64url */
static int to_pem(const char *certificate, char *ret, size_t room)
{
	uint8_t der[FILE_MAX];
	ssize_t size = base64_read(certificate, strlen(certificate), der, sizeof(der));
	const uint8_t *at = der;
	X509 *x509 = size > 0 ? d2i_X509(NULL, &at, size) : NULL;
	BIO *bio = BIO_new(BIO_s_mem());
	int n = x509 && bio && PEM_write_bio_X509(bio, x509) ? BIO_read(bio, ret, (int)room - 1)
							       : -1;

	BIO_free(bio);
	X509_free(x509);
	ret[n > 0 ? n : 0] = 0;
	return n > 0 ? 0 : -EBADMSG;
}

static json_t *unusable(const struct cli *cli, const char *name, int error, const char *what)
{
	return report_problem(error == -EACCES ? "forbidden" : "storage",
			      error == -EACCES ? "run it as root" : "look at that file",
			      "%s/%s cannot be %s: %s", state_dir(cli), name, what,
			      error == -EBADMSG ? "it is broken" : strerror(-error));
}

json_t *enrolment_save(const struct cli *cli, const json_t *enrolment)
{
	_cleanup_(close_fdp) int folder = open_folder(cli, true);
	char *text = json_dumps(enrolment, JSON_INDENT(1));
	int r = folder < 0 ? folder : -ENOMEM;

	if (folder >= 0 && text)
		r = keyfile_save(folder, NAME, (struct seal_bytes){ text, strlen(text) });
	if (text)
		secret_wipe(text, strlen(text));
	free(text);
	return r ? unusable(cli, FOLDER "/" NAME, r, "written") : NULL;
}

static bool is_whole(const json_t *enrolment)
{
	static const char *const members[] = { "url", "host", "bearer" };

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		if (!json_is_string(json_object_get(enrolment, members[i])))
			return false;
	}
	return true;
}

/* Whoever may read it: what it says is no secret, and vtpmd is another user. */
json_t *enrolment_pin(const struct cli *cli, const char *certificate)
{
	_cleanup_(close_fdp) int folder =
		open(state_dir(cli), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char text[4 * FILE_MAX];
	int r = folder < 0 ? -errno : to_pem(certificate, text, sizeof(text));

	if (!r)
		r = keyfile_save(folder, PIN, (struct seal_bytes){ text, strlen(text) });
	if (!r && fchmodat(folder, PIN, 0644, 0))
		r = -errno;
	return r ? unusable(cli, PIN, r, "written") : NULL;
}

json_t *enrolment_load(const struct cli *cli, json_t **ret)
{
	_cleanup_(close_fdp) int folder = open_folder(cli, false);
	uint8_t text[FILE_MAX];
	ssize_t n = folder;

	if (folder >= 0)
		n = keyfile_load(folder, NAME, text, sizeof(text));
	*ret = NULL;
	if (n == -ENOENT)
		return NULL;
	if (n < 0)
		return unusable(cli, FOLDER "/" NAME, (int)n, "read");
	*ret = json_loadb((const char *)text, (size_t)n, JSON_REJECT_DUPLICATES, NULL);
	secret_wipe(text, sizeof(text));
	if (is_whole(*ret))
		return NULL;
	json_decref(*ret);
	*ret = NULL;
	return unusable(cli, FOLDER "/" NAME, -EBADMSG, "read");
}
