// SPDX-License-Identifier: BSD-3-Clause
/*
 * Papers in memory, in messages and in the archive; see the header.
 *
 *	record	version u32 | for each kind: source u8 | renew u8 | epoch u64 | until u64 |
 *		public blob | certificate blob | own certificate blob | sentence string
 */
#include "manager/paper.h"

#include <errno.h>
#include <stdlib.h>

#include "base/secret.h"
#include "base/text.h"

#define VERSION	    1
#define RECORD_MAX (32 + _KEYD_CERT_KIND_MAX * (64 + KEYD_PUBLIC_MAX + 2 * ENGINE_CERT_MAX + \
						PAPER_SENTENCE_SIZE))

#define for_each_kind(kind) \
	for (int kind = KEYD_CERT_EK_RSA_2048; (kind) < _KEYD_CERT_KIND_MAX; (kind)++)

int paper_set(struct paper_bytes *to, const void *at, size_t length)
{
	uint8_t *copy = NULL;

	if (length) {
		copy = malloc(length);
		if (!copy)
			return -ENOMEM;
		cursor_copy(copy, length, at, length);
	}
	free(to->at);
	*to = (struct paper_bytes){ copy, length };
	return 0;
}

static void done(struct paper *paper)
{
	free(paper->public.at);
	free(paper->der.at);
	free(paper->own.at);
	*paper = (struct paper){ 0 };
}

struct papers *papers_free(struct papers *papers)
{
	for_each_kind (kind) {
		if (papers)
			done(&papers->of[kind]);
	}
	free(papers);
	return NULL;
}

enum paper_state paper_state(const struct paper *paper, uint64_t epoch, int64_t now)
{
	if (!paper->der.length)
		return PAPER_PENDING;
	if (paper->source == ENGINE_CERT_HOST && paper->epoch != epoch)
		return PAPER_STALE;
	return paper->until < now ? PAPER_EXPIRED : PAPER_ISSUED;
}

enum paper_state papers_state(const struct papers *papers, uint64_t epoch, int64_t now)
{
	enum paper_state worst = papers ? PAPER_ISSUED : PAPER_PENDING;

	for_each_kind (kind) {
		if (papers && paper_state(&papers->of[kind], epoch, now) > worst)
			worst = paper_state(&papers->of[kind], epoch, now);
	}
	return worst;
}

static bool is_wanted(const struct paper *paper, uint64_t epoch, int64_t now)
{
	if (paper->own.length || paper->renew)
		return true;
	/* Another one of the operator's has to come from the operator. */
	return paper->source != ENGINE_CERT_OWN && paper_state(paper, epoch, now) != PAPER_ISSUED;
}

uint32_t papers_wanted(const struct papers *papers, uint64_t epoch, int64_t now)
{
	uint32_t kinds = papers ? 0 : PAPER_ALL;

	for_each_kind (kind) {
		if (papers && is_wanted(&papers->of[kind], epoch, now))
			kinds |= 1u << kind;
	}
	return kinds;
}

void papers_wish(const struct papers *papers, uint32_t kinds, struct ipc_out *out)
{
	cursor_put_u32(&out->body, kinds);
	for_each_kind (kind) {
		if (papers && kinds & 1u << kind)
			ipc_put_blob(out, papers->of[kind].own.at, papers->of[kind].own.length);
		else
			ipc_put_blob(out, NULL, 0);
	}
}

/* What one result of ENGINE_CERTIFIED says; bytes are in the receive buffer. */
struct said {
	const uint8_t *public;
	size_t public_length;
	enum engine_cert_source source;
	const uint8_t *der;
	size_t length;
	int64_t until;
	char sentence[IPC_TEXT_MAX];
};

static bool get_said(struct ipc_in *in, struct said *ret)
{
	ret->public = ipc_get_blob(in, KEYD_PUBLIC_MAX, &ret->public_length);
	ret->source = (enum engine_cert_source)cursor_get_u8(&in->body);
	ret->der = ipc_get_blob(in, ENGINE_CERT_MAX, &ret->length);
	ret->until = (int64_t)cursor_get_u64(&in->body);
	ipc_get_string(in, ret->sentence, sizeof(ret->sentence));
	return !in->body.bad && ret->source < _ENGINE_CERT_SOURCE_MAX &&
	       !ret->length == (ret->source != ENGINE_CERT_HOST && ret->source != ENGINE_CERT_OWN);
}

static bool is_same(const struct paper_bytes *one, const void *at, size_t length)
{
	return one->length == length && (!length || secret_equal(one->at, at, length));
}

/* Where there is no new certificate, the former one is in the TPM still: unless it was lost. */
static int learn(struct paper *paper, uint64_t epoch, const struct said *said)
{
	bool other = !is_same(&paper->public, said->public, said->public_length);
	int r = paper_set(&paper->public, said->public, said->public_length);

	text_cut(paper->sentence, sizeof(paper->sentence), said->sentence);
	if (r || (said->source == ENGINE_CERT_NONE && !other))
		return r;
	r = paper_set(&paper->der, said->der, said->length);
	if (r)
		return r;
	paper->source = said->length ? said->source : ENGINE_CERT_NONE;
	paper->epoch = epoch;
	paper->until = said->until;
	if (paper->source == ENGINE_CERT_OWN && is_same(&paper->own, said->der, said->length))
		r = paper_set(&paper->own, NULL, 0);
	if (said->length)
		paper->renew = false;
	return r;
}

int papers_learn(struct papers *papers, uint64_t epoch, struct ipc_in *in)
{
	struct said said[_KEYD_CERT_KIND_MAX];
	uint64_t of = cursor_get_u64(&in->body);
	uint32_t looked = cursor_get_u32(&in->body);
	int r = 0;

	if (of > epoch || looked & ~PAPER_ALL)
		return -EPROTO;
	for_each_kind (kind) {
		if (looked & 1u << kind && !get_said(in, &said[kind]))
			return -EPROTO;
	}
	if (!ipc_ended(in))
		return -EPROTO;
	for_each_kind (kind) {
		if (!r && looked & 1u << kind)
			r = learn(&papers->of[kind], of, &said[kind]);
	}
	return r;
}

static void pack(const struct paper *paper, struct ipc_out *out)
{
	cursor_put_u8(&out->body, (uint8_t)paper->source);
	cursor_put_u8(&out->body, paper->renew);
	cursor_put_u64(&out->body, paper->epoch);
	cursor_put_u64(&out->body, (uint64_t)paper->until);
	ipc_put_blob(out, paper->public.at, paper->public.length);
	ipc_put_blob(out, paper->der.at, paper->der.length);
	ipc_put_blob(out, paper->own.at, paper->own.length);
	ipc_put_string(out, paper->sentence);
}

int papers_pack(const struct papers *papers, uint8_t **ret, size_t *ret_length)
{
	uint8_t *bytes = malloc(RECORD_MAX);
	struct ipc_out out;

	if (!bytes)
		return -ENOMEM;
	out = ipc_out(VERSION, bytes, RECORD_MAX);
	for_each_kind (kind)
		pack(&papers->of[kind], &out);
	*ret = bytes;
	*ret_length = out.body.used;
	return 0;
}

static int unpack_bytes(struct ipc_in *in, size_t max, struct paper_bytes *to)
{
	size_t length;
	const uint8_t *at = ipc_get_blob(in, max, &length);

	return in->body.bad ? -EBADMSG : paper_set(to, at, length);
}

static int unpack(struct ipc_in *in, struct paper *paper)
{
	int r;

	paper->source = (enum engine_cert_source)cursor_get_u8(&in->body);
	paper->renew = cursor_get_u8(&in->body);
	paper->epoch = cursor_get_u64(&in->body);
	paper->until = (int64_t)cursor_get_u64(&in->body);
	r = unpack_bytes(in, KEYD_PUBLIC_MAX, &paper->public);
	if (!r)
		r = unpack_bytes(in, ENGINE_CERT_MAX, &paper->der);
	if (!r)
		r = unpack_bytes(in, ENGINE_CERT_MAX, &paper->own);
	ipc_get_string(in, paper->sentence, sizeof(paper->sentence));
	if (r)
		return r;
	return in->body.bad || paper->source >= _ENGINE_CERT_SOURCE_MAX ? -EBADMSG : 0;
}

int papers_unpack(const uint8_t *bytes, size_t length, struct papers **ret)
{
	struct papers *papers = calloc(1, sizeof(*papers));
	struct ipc_in in = { .body = cursor_in(bytes, length) };
	int r = papers ? 0 : -ENOMEM;

	if (!r && cursor_get_u32(&in.body) != VERSION)
		r = -EBADMSG;
	for_each_kind (kind) {
		if (!r)
			r = unpack(&in, &papers->of[kind]);
	}
	if (!r && !cursor_ended(&in.body))
		r = -EBADMSG;
	if (r)
		papers_free(papers);
	else
		*ret = papers;
	return r;
}
