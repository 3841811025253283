// SPDX-License-Identifier: BSD-3-Clause
/*
 * vtpm-engine: birth and death.
 *
 * This process holds one TPM's plaintext state and is trusted with nothing else. All
 * it will ever touch is given to it as descriptors or mapped before
 * sandbox_enter(); the first foreign byte, be it of the state, of the
 * checkpoint or of a client, is read after it.
 */
#include "engine/engine.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "base/cursor.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/secret.h"
#include "engine/tpmlib.h"
#include "sandbox/sandbox.h"

static struct engine engine;

static void warn(const char *line)
{
	log_line("%s", line);
}

/* Two engines with one state would each overwrite what the other has acknowledged. */
static int claim(int fd, const char *what)
{
	int r = fd < 0 ? 0 : fd_claim(fd);

	if (r == -EBUSY)
		log_line("another process has the %s", what);
	if (r == -EINVAL)
		log_line("the %s is open with O_APPEND", what);
	return r;
}

/* One way for all: without a key of its own a TPM is sealed with one that everybody has. */
static int take_key(int fd)
{
	static const uint8_t nil[ENVELOPE_UUID_SIZE];
	uint8_t bytes[GCM_KEY_SIZE];
	int r = 0;

	if (fd < 0) {
		log_line("no --key-fd: state and checkpoint are as good as plain");
		cursor_copy(bytes, sizeof(bytes), ENGINE_TEST_KEY, sizeof(bytes));
	} else if (read(fd, bytes, sizeof(bytes)) != sizeof(bytes)) {
		r = -ENOKEY;
	}
	if (fd >= 0)
		close(fd);
	if (!r)
		r = envelope_key_init(&engine.key, bytes, nil, 0, 0);
	secret_wipe(bytes, sizeof(bytes));
	return r;
}

static int prepare(const struct engine_options *options)
{
	int keep[] = { options->fd, options->control_fd, options->state_fd, options->checkpoint_fd,
		       options->key_fd };
	int r;

	engine.instance = options->instance;
	engine.firmware = options->firmware;
	engine.manufacture = options->manufacture;

	r = fd_keep_only(keep, sizeof(keep) / sizeof(keep[0]));
	if (!r)
		r = claim(options->state_fd, "state");
	if (!r)
		r = claim(options->checkpoint_fd, "checkpoint");
	if (!r)
		r = link_open(&engine.link, options->fd, options->control_fd, NULL);
	if (!r)
		r = unit_map(&engine.unit, options->checkpoint_fd);
	if (r)
		return r;
	engine.store = options->state_fd < 0 ? store_mem_new() : store_plain_new(options->state_fd);
	if (!engine.store)
		return -ENOMEM;
	r = take_key(options->key_fd);
	if (r)
		return r;
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a commit beyond a limit shall fail with EFBIG */
	r = engine_stop_on_signals();
	if (!r)
		r = engine_cancel_abandoned(&engine.link);
	if (!r)
		r = tpmlib_prepare();
	return r;
}

static int enter_sandbox(const struct engine_options *options)
{
	const struct sandbox_profile profile = {
		.device_fd = engine.link.ops == &link_driver_ops ? options->fd : -1,
		.device_ioctl = { VTPM_IOC_EXCHANGE, VTPM_IOC_ABANDONED },
		.sockets = engine.link.ops != &link_driver_ops,
		.accepts = engine.link.accepts || options->control_fd >= 0,
		.file = options->state_fd >= 0,
		.warn = warn,
	};

	return sandbox_enter(&profile);
}

int main(int argc, char **argv)
{
	struct engine_options options;
	int r;

	log_name("vtpm-engine");
	if (engine_options_parse(&options, argc, argv))
		return ENGINE_EXIT_USAGE;
	if (options.help) {
		engine_options_help();
		return ENGINE_EXIT_OK;
	}

	r = prepare(&options);
	if (r) {
		log_line("cannot begin: errno %d", -r);
		return r == -EINVAL ? ENGINE_EXIT_USAGE : engine_exit_status(r);
	}
	r = enter_sandbox(&options);
	if (r) {
		log_line("cannot enter the sandbox: errno %d", -r);
		return ENGINE_EXIT_SANDBOX;
	}

	r = engine_start(&engine);
	if (!r)
		engine_control_begin(&engine);
	if (!r)
		r = engine_serve(&engine);
	if (!r)
		r = engine_end(&engine);
	if (r < 0 && r != -EPIPE)
		log_line("ends: errno %d", -r);
	engine_control_end(&engine);
	carry_done(&engine);
	store_free(engine.store);
	unit_unmap(&engine.unit);
	envelope_key_done(&engine.key);
	return engine_exit_status(r);
}
