// SPDX-License-Identifier: BSD-3-Clause
/*
 * Certificates of vTPMs' keys: who gets them when, what is known of them, and what people
 * may wish (manager/paper.h).
 *
 *	a spare			while it is made, and nobody waits for it
 *	a vTPM that is made	none: who made it does not wait for the host TPM
 *	a power-on after that	those it lacks, or that are stale, expired, or wished for
 *
 * The engine asks keyd: what keys its TPM has is not for the manager to say. What it says
 * here has been made durable already.
 */
#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "attest/public.h"
#include "base/log.h"
#include "cert/look.h"
#include "manager/state.h"

static struct papers *papers_of(struct vtpm *vtpm)
{
	if (!vtpm->papers)
		vtpm->papers = calloc(1, sizeof(*vtpm->papers));
	if (!vtpm->papers)
		manager_out_of_memory();
	return vtpm->papers;
}

uint32_t certify_kinds(const struct vtpm *vtpm)
{
	if (!vtpm->stored)
		return PAPER_ALL;
	return vtpm->fresh ? 0 : papers_wanted(vtpm->papers, vtpm->define.epoch, time(NULL));
}

void certify_add_stored(void *context, const uint8_t uuid[16], const uint8_t *bytes, size_t length)
{
	struct vtpm *vtpm = manager_find_uuid(context, uuid);

	/* A record that is none costs a new one at the next power cycle, and nothing else. */
	if (vtpm && papers_unpack(bytes, length, &vtpm->papers))
		log_line("%s: the record of its certificates cannot be read", vtpm->define.name);
}

static struct archive_job *save_job(struct vtpm *vtpm, void (*done)(struct archive_job *job),
				    void *context)
{
	struct archive_job *job = archive_job(ARCHIVE_PAPERS, done, context);

	if (!job || papers_pack(vtpm->papers, &job->bytes, &job->length))
		manager_out_of_memory();
	job->define = vtpm->define;
	return job;
}

/* What is not recorded is asked for again: that is all that is lost. */
static void learned(struct archive_job *job)
{
	if (job->error)
		log_line("cannot record the certificates of a vTPM: %s", strerror(job->error));
}

int certify_learn(struct vtpm *vtpm, struct ipc_in *in)
{
	int r = papers_learn(papers_of(vtpm), vtpm->define.epoch, in);

	if (r == -ENOMEM)
		manager_out_of_memory();
	if (!r)
		archive_submit(vtpm->manager->archive, save_job(vtpm, learned, NULL));
	return r;
}

/* What people ask */

static struct vtpm *meant(struct manager *manager, const char *name, struct problem *problem)
{
	struct vtpm *vtpm = manager_find(manager, name);

	if (!vtpm)
		problem_set(problem, PROBLEM_NOT_FOUND, "`vtpmctl list` shows those there are",
			    "there is no vTPM '%s'", name);
	return vtpm;
}

bool manager_papers(struct manager *manager, const char *name, struct manager_papers *ret,
		    struct problem *problem)
{
	struct vtpm *vtpm = meant(manager, name, problem);

	if (!vtpm)
		return false;
	*ret = (struct manager_papers){ .papers = papers_of(vtpm) };
	for (int kind = KEYD_CERT_EK_RSA_2048; kind < _KEYD_CERT_KIND_MAX; kind++)
		ret->state[kind] =
			paper_state(&vtpm->papers->of[kind], vtpm->define.epoch, time(NULL));
	return true;
}

struct wish {
	struct manager *manager;
	struct waiter *waiter;
};

static void saved(struct archive_job *job)
{
	struct wish *wish = job->context;
	struct problem problem;

	if (job->error)
		problem_set(&problem, PROBLEM_STORAGE,
			    "make room or repair the disk, and try again",
			    "the wish cannot be stored: %s", strerror(job->error));
	manager_answer(wish->manager, wish->waiter, job->error ? &problem : NULL);
	free(wish);
}

static void save(struct vtpm *vtpm, manager_done done, void *context)
{
	struct wish *wish = calloc(1, sizeof(*wish));

	if (!wish)
		manager_out_of_memory();
	*wish = (struct wish){ vtpm->manager, manager_ask(vtpm->manager, done, context) };
	archive_submit(vtpm->manager->archive, save_job(vtpm, saved, wish));
}

void manager_certify_renew(struct manager *manager, const char *name, uint32_t kinds,
			   manager_done done, void *context)
{
	struct problem problem;
	struct vtpm *vtpm = meant(manager, name, &problem);

	if (!vtpm) {
		manager_tell(manager, done, context, &problem);
		return;
	}
	for (int kind = KEYD_CERT_EK_RSA_2048; kind < _KEYD_CERT_KIND_MAX; kind++) {
		struct paper *paper = &papers_of(vtpm)->of[kind];

		if (!(kinds & 1u << kind))
			continue;
		paper->renew = true;
		paper_set(&paper->own, NULL, 0);
	}
	save(vtpm, done, context);
}

/* Return: it cannot be, and @problem says why */
static bool is_unfit(const struct paper *paper, const struct manager_certificate *what,
		     struct problem *problem)
{
	struct public public;
	EVP_PKEY *key = NULL;
	int64_t until;
	int r;

	if (!paper->public.length) {
		problem_set(problem, PROBLEM_CONFLICT,
			    "power cycle it (`vtpmctl reset`), and try "
			    "again",
			    "this key of '%s' is not known yet", what->name);
		return true;
	}
	if (public_parse(&public, paper->public.at, paper->public.length))
		key = public_key(&public);
	r = key ? cert_look(what->der, what->length, key, &until) : -EBADMSG;
	EVP_PKEY_free(key);
	if (r == -EKEYREJECTED)
		problem_set(problem, PROBLEM_INVALID, "`vtpmctl cert csr` has the key to certify",
			    "the certificate is of another key");
	else if (r)
		problem_set(problem, PROBLEM_INVALID, "give one X.509 certificate",
			    "it is no certificate, or there is more than one");
	else if (until < time(NULL))
		problem_set(problem, PROBLEM_INVALID, "give one that is good now",
			    "the certificate has expired");
	else
		return false;
	return true;
}

void manager_certify_replace(struct manager *manager, const struct manager_certificate *what,
			     manager_done done, void *context)
{
	struct problem problem;
	struct vtpm *vtpm = meant(manager, what->name, &problem);
	struct paper *paper;

	if (!vtpm || is_unfit(&papers_of(vtpm)->of[what->kind], what, &problem)) {
		manager_tell(manager, done, context, &problem);
		return;
	}
	paper = &vtpm->papers->of[what->kind];
	if (paper_set(&paper->own, what->der, what->length))
		manager_out_of_memory();
	paper->renew = false;
	save(vtpm, done, context);
}
