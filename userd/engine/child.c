// SPDX-License-Identifier: BSD-3-Clause
/*
 * The life of a forked engine:
 *
 *	lock memory
 *	connect to keyd, map the checkpoint, look what the link is	nothing is read
 *	sandbox
 *	ENGINE_CONFIG from the manager, the data key from keyd
 *	start or resume, ENGINE_READY, serve, end
 *	ENGINE_ENDS
 *
 * Until the data key comes the process holds no secret. Without a link it ends as
 * soon as it has started: that is how a TPM is made in advance, and how one
 * is verified.
 */
#include "engine/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/secret.h"
#include "engine/channel.h"
#include "engine/datakey.h"
#include "engine/engine.h"
#include "engine/entropy.h"
#include "engine/issue.h"
#include "engine/tpmlib.h"
#include "wire/ipc_engine.h"

/*
 * Descriptors under way in sockets, of all engines' connections together (journal.h), are
 * held against the limit of the one that sends. This is far above what vtpm-spawn keeps.
 */
#define LISTENER_FILES 16384

static struct engine engine;
static struct channel channel;

static void warn(const char *line)
{
	log_line("%s", line);
}

int engine_zygote_init(struct engine_zygote *zygote, const char *keyd_path)
{
	const struct sandbox_profile profiles[_ENGINE_SANDBOX_MAX] = {
		[ENGINE_SANDBOX_NOTHING] = { .device_fd = -1, .messages = true },
		[ENGINE_SANDBOX_DEVICE] = { .device_fd = ENGINE_FD_LINK,
					    .device_ioctl = { VTPM_IOC_EXCHANGE,
							      VTPM_IOC_ABANDONED },
					    .messages = true },
		[ENGINE_SANDBOX_SOCKET] = { .device_fd = -1, .sockets = true, .messages = true },
		[ENGINE_SANDBOX_LISTENER] = { .device_fd = -1,
					      .accepts = true,
					      .messages = true,
					      .files = LISTENER_FILES },
	};
	int r = 0;

	for (int i = 0; !r && i < _ENGINE_SANDBOX_MAX; i++) {
		r = sandbox_prepare(&profiles[i], &zygote->sandbox[i]);
		if (!r && i)
			close_fdp(&zygote->sandbox[i].ruleset);
	}
	if (!r && zygote->sandbox[0].ruleset < 0)
		warn("this kernel has no Landlock, seccomp alone keeps paths away");
	zygote->keyd_path = keyd_path;
	zygote->maps = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	return r;
}

int engine_zygote_warm(struct engine_zygote *zygote)
{
	int r = tpmlib_prepare();

	/* Children that do not know lock everything. */
	if (!r && zygote->maps >= 0)
		(void)sandbox_memory_look(zygote->maps, &zygote->written);
	close_fdp(&zygote->maps);
	zygote->maps = -1;
	return r;
}

int engine_zygote_knows(int checkpoint)
{
	return unit_is_known(checkpoint);
}

static enum engine_sandbox sandbox_of(unsigned int links)
{
	if (!links)
		return ENGINE_SANDBOX_NOTHING;
	if (engine.link.ops == &link_driver_ops)
		return ENGINE_SANDBOX_DEVICE;
	return engine.link.accepts ? ENGINE_SANDBOX_LISTENER : ENGINE_SANDBOX_SOCKET;
}

static int prepare(const struct engine_zygote *zygote, unsigned int links)
{
	static const struct link_keeper keeper = {
		.journal = ENGINE_FD_JOURNAL,
		.control_journal = ENGINE_FD_CONTROL_JOURNAL,
		.pocket = { ENGINE_FD_POCKET_IN, ENGINE_FD_POCKET_OUT },
	};
	int ruleset = zygote->sandbox[0].ruleset < 0 ? -1 : ENGINE_FD_RULESET;
	int r;

	signal(SIGPIPE, SIG_IGN);
	r = engine_stop_on_signals();
	if (!r)
		r = unit_map(&engine.unit, ENGINE_FD_CHECKPOINT);
	if (!r && links)
		r = link_open(&engine.link, ENGINE_FD_LINK, links > 1 ? ENGINE_FD_CONTROL : -1,
			      links > 1 ? &keeper : NULL);
	if (!r && links)
		r = engine_cancel_abandoned(&engine.link);
	if (r)
		return engine_fails(&engine, r, "cannot begin: errno %d", -r);

	r = sandbox_enter_prepared(&zygote->sandbox[sandbox_of(links)], ruleset);
	if (r)
		return engine_fails(&engine, -EPERM, "cannot enter the sandbox: errno %d", -r);
	close(ENGINE_FD_RULESET);
	return 0;
}

static int configure(void)
{
	const struct channel_config *config = &channel.config;
	int r = channel_configure(&channel);

	if (r == -EPIPE)
		return engine_fails(&engine, -ECANCELED, "the manager gave no configuration");
	if (r)
		return engine_fails(&engine, r, "the manager's configuration is not one: errno %d",
				    -r);
	engine.store = &channel.store;
	engine.channel = &channel;
	engine.instance = config->instance;
	engine.manufacture = config->flags & ENGINE_CONFIG_MANUFACTURE;
	engine.firmware = config->flags & ENGINE_CONFIG_FIRMWARE;
	engine.plain_state = config->flags & ENGINE_CONFIG_PLAIN_STATE;
	engine.reseals = config->flags & ENGINE_CONFIG_RESEAL;
	engine.banks = config->banks;
	engine.launch = config->launch;
	engine.certify = config->certify;
	engine.provisions = true;
	return 0;
}

static int take_key(const struct engine_zygote *zygote, int keyd)
{
	const struct channel_config *config = &channel.config;
	char sentence[IPC_TEXT_MAX];
	struct datakey key;
	int r;

	if (keyd < 0)
		return engine_fails(&engine, -ENOKEY,
				    "keyd cannot be reached at %s (errno %d): is it running?",
				    zygote->keyd_path, -keyd);
	r = datakey_fetch(keyd, config->uuid, config->ticket, &key, sentence);
	if (r)
		return engine_fails(&engine, r, "%s", sentence);
	if (engine.plain_state && !key.plain)
		log_line("security: asked to let the state leave in clear, which its data key does "
			 "not allow: it stays sealed");
	engine.plain_state = engine.plain_state && key.plain;
	r = envelope_key_init(&engine.key, key.key, config->uuid, config->epoch, key.id);
	if (!r)
		r = carry_set_key(&engine, key.has_migration_key ? key.migration_key : NULL);
	cursor_copy(engine.evidence.key, sizeof(engine.evidence.key), key.claims,
		    sizeof(key.claims));
	engine.evidence.since = config->epoch;
	if (!r && key.entropy_length)
		r = entropy_add(key.entropy, key.entropy_length);
	secret_wipe(&key, sizeof(key));
	return r;
}

static int tell_certified(void)
{
	int r = engine.certified ? channel_certified(&channel, engine.certified) : 0;

	engine_certified_done(&engine);
	return r;
}

static int start(const struct engine_zygote *zygote, unsigned int links, int *keyd)
{
	static struct issue issue;
	static const struct certify_issuer issuer = { issue_ask, &issue };
	int r;

	r = prepare(zygote, links);
	if (!r)
		r = configure();
	if (!r)
		r = take_key(zygote, *keyd);
	issue.fd = *keyd;
	issue.patience_ms = channel.config.flags & ENGINE_CONFIG_SPARE ? ISSUE_PATIENCE_SPARE_MS
								       : ISSUE_PATIENCE_MS;
	engine.issuer = &issuer;
	if (!r)
		r = engine_start(&engine);
	close_fdp(keyd);
	*keyd = -1;
	if (!r)
		r = tell_certified();
	if (!r && links)
		engine_control_begin(&engine);
	if (!r)
		r = channel_ready(&channel, unit_label(&engine.unit).generation, engine.resumed);
	return r;
}

static int status_of(int error)
{
	return error == -EPERM ? ENGINE_EXIT_SANDBOX : engine_exit_status(error);
}

int engine_child(const struct engine_zygote *zygote, unsigned int links)
{
	int keyd, r;

	sandbox_memory_lock(&zygote->written, warn);
	channel_init(&channel, ENGINE_FD_CHANNEL);
	keyd = ipc_connect(zygote->keyd_path);
	r = start(zygote, links, &keyd);
	if (!r && links)
		r = engine_serve(&engine);
	if (!r)
		r = engine_end(&engine);
	engine_control_end(&engine);
	carry_done(&engine);
	channel_ends(&channel, (uint32_t)status_of(r), engine_reason(&engine, r));
	envelope_key_done(&engine.key);
	secret_wipe(&engine.evidence, sizeof(engine.evidence));
	unit_unmap(&engine.unit);
	entropy_done();
	secret_wipe(&channel.config, sizeof(channel.config));
	return status_of(r);
}
