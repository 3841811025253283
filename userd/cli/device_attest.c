// SPDX-License-Identifier: BSD-3-Clause
/*
 * device attest NODE: ask the host to vouch for a vTPM, through its node and nothing else
 * (VTPM_IOC_ASK). It is what runs in a container, where there is no vtpmd.
 *
 * What comes has the host's quote, and neither the host's keys nor its logs: a container has no
 * business with these. `vtpm-verify appraise --host` takes them from the host's own bundle.
 */
#include "cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/vtpm_ask.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/cursor.h"
#include "cli/bundle.h"
#include "cli/report.h"

/* Whoever vouches may be restarted just now; so often, a second apart. */
#define TRIES 5

static void json_putp(json_t **object)
{
	json_decref(*object);
}

static const struct {
	int error;
	const char *code;
	const char *text;
	const char *next;
} reasons[] = {
	{ EBUSY, "conflict", "it is in use, or too many ask already",
	  "take the shared node (/dev/vtpmrmN), and ask again in a moment" },
	{ EDQUOT, "conflict", "this vTPM asked too often", "ask again in some seconds" },
	{ EOPNOTSUPP, "no-driver", "its server knows no proofs", "the host needs a newer vtpmd" },
	{ ENOTTY, "no-driver", "this is no node of a vTPM, or the driver knows no proofs",
	  "give /dev/vtpmN or /dev/vtpmrmN" },
	{ ENOENT, "not-found", "there is no such node, or this vTPM made no such statement lately",
	  "with --digest, make the quote again and ask right away" },
	{ ENODEV, "no-hardware", "the host has no TPM that could vouch", "ask its administrator" },
	{ ENOKEY, "conflict", "this vTPM has no attestation key, or no PCRs of SHA-256",
	  "its administrator can make another vTPM" },
	{ EHOSTDOWN, "conflict", "this vTPM is off", "start it" },
	{ ETIME, "timeout", "nobody on the host answers", "is vtpmd running there?" },
	{ ECANCELED, "conflict", "whoever vouches was restarted", "ask again" },
	{ EACCES, "forbidden", "you may not open it", "its owner can give you the node" },
	{ EIO, "failed", "the host could not", "its log says why" },
};

static json_t *explain(const char *node, int error)
{
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (reasons[i].error == error)
			return report_problem(reasons[i].code, reasons[i].next, "%s: %s", node,
					      reasons[i].text);
	return report_problem("failed", NULL, "%s: %s", node, strerror(error));
}

/* Return: bytes of the proof, or -errno. */
static ssize_t ask_once(int fd, const struct vtpm_ask *question, char *proof, size_t room)
{
	struct vtpm_ask ask = *question;
	struct vtpm_proof fetch = {
		.size = sizeof(fetch),
		.proof = (uintptr_t)proof,
		.length = (uint32_t)room,
	};

	if (ioctl(fd, VTPM_IOC_ASK, &ask) || ioctl(fd, VTPM_IOC_PROOF, &fetch))
		return -errno;
	return fetch.length;
}

static json_t *ask(const char *node, const struct vtpm_ask *question, json_t **ret)
{
	_cleanup_(close_fdp) int fd = open(node, O_RDWR | O_CLOEXEC);
	char proof[VTPM_PROOF_SIZE];
	ssize_t n = fd < 0 ? -errno : -ECANCELED;

	for (int i = 0; fd >= 0 && n == -ECANCELED && i < TRIES; i++) {
		if (i)
			sleep(1);
		n = ask_once(fd, question, proof, sizeof(proof));
	}
	if (n < 0)
		return explain(node, (int)-n);
	*ret = json_loadb(proof, (size_t)n, JSON_REJECT_DUPLICATES, NULL);
	return *ret ? NULL
		    : report_problem("internal", "is vtpmd of this version?",
				     "%s: the proof is none that vtpmctl understands", node);
}

/* The host's quote, without what it takes to believe it. */
static json_t *make_deep(const uint8_t *nonce, const json_t *proof)
{
	const json_t *deep = json_object_get(proof, "deep");
	json_t *host;

	host = json_pack("{s:i, s:s, s:{s:s}, s:o, s:o}", "version", 1, "kind", "host", "host",
			 "name", "unknown", "nonce", bundle_bytes(nonce, HOST_QUOTE_NONCE),
			 "quote", bundle_quote(json_object_get(deep, "host")));
	return host ? bundle_deep(deep, host) : NULL;
}

static json_t *write_evidence(const struct cli *cli, const uint8_t *nonce, const json_t *proof)
{
	_cleanup_(json_putp) json_t *bundle =
		cli->digest ? json_object() : bundle_vtpm(nonce, proof);
	json_t *deep = bundle ? make_deep(nonce, proof) : NULL;
	json_t *problem = NULL;

	if (!deep)
		return report_problem("internal", "is vtpmd of this version?",
				      "the host gave evidence that vtpmctl does not understand");
	json_object_set_new(bundle, "deep", deep);
	if (!cli->digest)
		bundle_papers(bundle, bundle_hex(proof, "certificate"),
			      bundle_hex(proof, "ek_certificate"), bundle_hex(proof, "chain"));
	if (cli->app_key)
		problem = bundle_application(cli, bundle);
	return problem ? problem : bundle_write(cli, bundle);
}

enum cli_exit cli_device_attest(struct cli *cli, const char *name)
{
	struct vtpm_ask question = { .size = sizeof(question) };
	_cleanup_(json_putp) json_t *proof = NULL;
	json_t *problem = bundle_nonce(cli, question.nonce);

	if (!problem && cli->digest) {
		question.flags = VTPM_ASK_DIGEST;
		if (bundle_unhex(cli->digest, question.digest, sizeof(question.digest)) !=
		    sizeof(question.digest))
			problem = report_problem("usage", "sha256sum prints it",
						 "--digest takes 64 hexadecimal digits");
	}
	if (!problem)
		problem = ask(name, &question, &proof);
	if (!problem)
		problem = write_evidence(cli, question.nonce, proof);
	return problem ? report(cli, problem) : CLI_EXIT_OK;
}
