// SPDX-License-Identifier: BSD-3-Clause
/*
 * Messages to and from the manager; see the header.
 */
#include "engine/channel.h"

#include <errno.h>
#include <poll.h>

#include "store/envelope.h"
#include "wire/ipc_engine.h"

enum {
	CONFIG = 1 << 0,
	IDLE = 1 << 1,
	COMMIT = 1 << 2,
};

/* More than the largest of ENGINE_COMMITTED, ENGINE_AGAIN, ENGINE_ATTEST and ENGINE_FREEZE. */
#define SMALL	  128
#define ERRNO_MAX 4095

static void get_event(struct ipc_in *in, struct engine_event *ret)
{
	ret->bytes = ipc_get_blob(in, ENGINE_EVENT_MAX, &ret->length);
}

static void get_wish(struct ipc_in *in, struct certify_wish *ret)
{
	ret->kinds = cursor_get_u32(&in->body);
	for (int kind = KEYD_CERT_EK_RSA_2048; kind < _KEYD_CERT_KIND_MAX; kind++)
		ret->own[kind].der = ipc_get_blob(in, ENGINE_CERT_MAX, &ret->own[kind].length);
}

static int on_config(void *context, struct ipc_in *in)
{
	struct channel *channel = context;
	struct channel_config *config = &channel->config;

	cursor_get_raw(&in->body, config->uuid, sizeof(config->uuid));
	config->epoch = cursor_get_u64(&in->body);
	config->instance = cursor_get_u64(&in->body);
	config->flags = cursor_get_u32(&in->body);
	config->banks = cursor_get_u32(&in->body);
	cursor_get_raw(&in->body, config->ticket, sizeof(config->ticket));
	config->generation = cursor_get_u64(&in->body);
	config->envelope = ipc_get_blob(in, STORE_RECORD_MAX, &config->envelope_length);
	if (!config->envelope_length)
		config->envelope = NULL;
	get_event(in, &config->launch.image);
	get_event(in, &config->launch.configuration);
	get_wish(in, &config->certify);
	config->certify.asks = config->flags & ENGINE_CONFIG_CERTIFY;
	if (!ipc_ended(in) || !config->generation != !config->envelope ||
	    !config->launch.image.length != !config->launch.configuration.length ||
	    config->flags & ~(uint32_t)(ENGINE_CONFIG_MANUFACTURE | ENGINE_CONFIG_FIRMWARE |
					ENGINE_CONFIG_RESEAL | ENGINE_CONFIG_PLAIN_STATE |
					ENGINE_CONFIG_CERTIFY | ENGINE_CONFIG_SPARE |
					ENGINE_CONFIG_FROZEN))
		return -EPROTO;
	channel->frozen = config->flags & ENGINE_CONFIG_FROZEN;
	channel->state = IDLE;
	return 0;
}

static int on_again(void *context, struct ipc_in *in)
{
	struct channel *channel = context;

	/* The one before died before it told us anything, and the new one knows nothing of it. */
	if (channel->state == CONFIG)
		return -EPIPE;
	channel->again = channel->state == COMMIT;
	return ipc_ended(in) ? 0 : -EPROTO;
}

static int on_committed(void *context, struct ipc_in *in)
{
	struct channel *channel = context;
	uint64_t generation = cursor_get_u64(&in->body);
	uint32_t outcome = cursor_get_u32(&in->body);

	if (!ipc_ended(in) || outcome > ERRNO_MAX)
		return -EPROTO;
	/* An answer to a commit that was sent twice, and known to be durable since. */
	if (generation < channel->awaited ||
	    (generation == channel->awaited && channel->state == IDLE))
		return 0;
	if (generation > channel->awaited)
		return -EPROTO;
	channel->outcome = outcome;
	channel->state = IDLE;
	return 0;
}

/* A manager that is new knows nothing of the question before. */
static int on_attest(void *context, struct ipc_in *in)
{
	struct channel *channel = context;
	struct channel_attest *attest = &channel->attest;
	const uint8_t *digest;
	size_t length;

	attest->tag = cursor_get_u32(&in->body);
	cursor_get_raw(&in->body, attest->nonce, sizeof(attest->nonce));
	attest->pcrs = cursor_get_u32(&in->body);
	digest = ipc_get_blob(in, sizeof(attest->digest), &length);
	attest->has_digest = length;
	if (!ipc_ended(in) || (length && length != sizeof(attest->digest)))
		return -EPROTO;
	cursor_copy(attest->digest, sizeof(attest->digest), digest, length);
	channel->attests = true;
	return 0;
}

static int on_freeze(void *context, struct ipc_in *in)
{
	struct channel *channel = context;
	uint8_t frozen = cursor_get_u8(&in->body);

	if (!ipc_ended(in) || frozen > 1)
		return -EPROTO;
	channel->frozen = frozen;
	return 0;
}

static const struct ipc_permit permits[] = {
	{ ENGINE_CONFIG, CONFIG, on_config },
	{ ENGINE_AGAIN, CONFIG | IDLE | COMMIT, on_again },
	{ ENGINE_COMMITTED, IDLE | COMMIT, on_committed },
	{ ENGINE_ATTEST, IDLE | COMMIT, on_attest },
	{ ENGINE_FREEZE, IDLE | COMMIT, on_freeze },
};

static int take(struct channel *channel, void *buffer, size_t room)
{
	struct ipc_in in;
	int r;

	do {
		r = ipc_receive(channel->fd, buffer, room, true, &in);
	} while (r == -EINTR);
	if (r)
		return r;
	r = ipc_dispatch(permits, sizeof(permits) / sizeof(permits[0]), channel->state, channel,
			 &in);
	ipc_in_done(&in);
	return r;
}

int channel_configure(struct channel *channel)
{
	int r = 0;

	while (!r && channel->state == CONFIG)
		r = take(channel, channel->in, sizeof(channel->in));
	return r;
}

static int channel_load(struct store *store, struct store_record *ret)
{
	const struct channel_config *config = &((struct channel *)store)->config;

	if (config->envelope)
		*ret = (struct store_record){
			.state = STORE_OK,
			.generation = config->generation,
			.bytes = config->envelope,
			.length = config->envelope_length,
		};
	return 0;
}

/* What lies there while no commit is awaited asks for nothing. */
static int drain(struct channel *channel)
{
	struct pollfd ready = { .fd = channel->fd, .events = POLLIN };
	uint8_t bytes[SMALL];
	int r = 0;

	while (!r && poll(&ready, 1, 0) > 0)
		r = take(channel, bytes, sizeof(bytes));
	return r;
}

/* Of which epoch it is says the envelope itself. */
static uint64_t epoch_of(const struct channel *channel, const void *bytes, size_t length)
{
	struct envelope_head head;

	return envelope_look(bytes, length, &head) ? channel->config.epoch : head.epoch;
}

static int send_commit(struct channel *channel, const void *bytes, size_t length)
{
	bool forks = epoch_of(channel, bytes, length) > channel->config.epoch;
	struct ipc_out out = ipc_out(forks ? ENGINE_FORK : ENGINE_COMMIT, channel->out,
				     sizeof(channel->out));

	cursor_put_u64(&out.body, channel->awaited);
	ipc_put_blob(&out, bytes, length);
	channel->again = false;
	return ipc_send(channel->fd, &out);
}

static int channel_commit(struct store *store, uint64_t generation, const void *bytes,
			  size_t length)
{
	struct channel *channel = (struct channel *)store;
	uint8_t small[SMALL];
	int r;

	r = drain(channel);
	if (r)
		return r == -EPROTO ? r : -EUCLEAN;
	channel->awaited = generation;
	channel->state = COMMIT;
	channel->resent = false;
	r = send_commit(channel, bytes, length);
	while (!r && channel->state == COMMIT) {
		r = take(channel, small, sizeof(small));
		if (!r && channel->state == COMMIT && channel->again) {
			r = send_commit(channel, bytes, length);
			channel->resent = true;
		}
	}
	if (r)
		return r == -EPROTO ? r : -EUCLEAN;
	if (!channel->outcome)
		channel->config.epoch = epoch_of(channel, bytes, length);
	return channel->outcome && channel->resent ? -EUCLEAN : -(int)channel->outcome;
}

static void channel_free(struct store *store)
{
	(void)store;
}

static const struct store_ops channel_ops = {
	.load = channel_load,
	.commit = channel_commit,
	.free = channel_free,
};

void channel_init(struct channel *channel, int fd)
{
	channel->store.ops = &channel_ops;
	channel->fd = fd;
	channel->state = CONFIG;
}

int channel_look(struct channel *channel)
{
	return drain(channel);
}

int channel_asked(struct channel *channel, struct channel_attest *ret)
{
	int r = drain(channel);

	if (r || !channel->attests)
		return r;
	channel->attests = false;
	*ret = channel->attest;
	return 1;
}

int channel_ask(struct channel *channel, const struct vtpm_question *question)
{
	struct pollfd ready = { .fd = channel->fd, .events = POLLOUT };
	uint8_t bytes[SMALL];
	struct ipc_out out = ipc_out(ENGINE_ASKED, bytes, sizeof(bytes));
	bool digest = question->flags & VTPM_ASK_DIGEST;

	/* A manager may be away for long, and whoever asks has no right to stop the others. */
	if (poll(&ready, 1, 0) != 1 || !(ready.revents & POLLOUT))
		return CHANNEL_BUSY;
	cursor_put_u64(&out.body, question->id);
	cursor_put_raw(&out.body, question->nonce, sizeof(question->nonce));
	ipc_put_blob(&out, question->digest, digest ? sizeof(question->digest) : 0);
	return ipc_send(channel->fd, &out);
}

static void put_result(struct ipc_out *out, const struct certify_result *result)
{
	ipc_put_blob(out, result->key.public, result->key.length);
	cursor_put_u8(&out->body, (uint8_t)result->source);
	ipc_put_blob(out, result->der, result->length);
	cursor_put_u64(&out->body, (uint64_t)result->until);
	ipc_put_string(out, result->sentence);
}

int channel_certified(struct channel *channel, const struct certify_result *results)
{
	struct ipc_out out = ipc_out(ENGINE_CERTIFIED, channel->out, sizeof(channel->out));
	uint32_t looked = 0;

	for (int kind = KEYD_CERT_EK_RSA_2048; kind < _KEYD_CERT_KIND_MAX; kind++)
		looked |= results[kind].looked ? 1u << kind : 0;
	cursor_put_u64(&out.body, channel->config.epoch);
	cursor_put_u32(&out.body, looked);
	for (int kind = KEYD_CERT_EK_RSA_2048; kind < _KEYD_CERT_KIND_MAX; kind++) {
		if (results[kind].looked)
			put_result(&out, &results[kind]);
	}
	return ipc_send(channel->fd, &out);
}

int channel_ready(struct channel *channel, uint64_t generation, bool resumed)
{
	uint8_t bytes[SMALL];
	struct ipc_out out = ipc_out(ENGINE_READY, bytes, sizeof(bytes));

	cursor_put_u64(&out.body, generation);
	cursor_put_u8(&out.body, resumed);
	return ipc_send(channel->fd, &out);
}

void channel_ends(struct channel *channel, uint32_t status, const char *reason)
{
	uint8_t bytes[SMALL + IPC_TEXT_MAX];
	struct ipc_out out = ipc_out(ENGINE_ENDS, bytes, sizeof(bytes));

	cursor_put_u32(&out.body, status);
	ipc_put_string(&out, reason);
	(void)ipc_send(channel->fd, &out);
}
