// SPDX-License-Identifier: BSD-3-Clause
/*
 * The command line of vtpm-engine.
 */
#include "engine/engine.h"

#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/options.h"

static int take_fd(void *to, const char *text)
{
	int *fd = to;
	long value;

	if (options_number(text, 3, INT_MAX, &value)) {
		log_line("'%s' is no descriptor above 2", text);
		return -EINVAL;
	}
	*fd = (int)value;
	return 0;
}

static int take_instance(void *to, const char *text)
{
	uint64_t *instance = to;
	char *end;

	errno = 0;
	*instance = strtoull(text, &end, 16);
	if (errno || end == text || *end || *text == '-') {
		log_line("'%s' is no instance", text);
		return -EINVAL;
	}
	return 0;
}

#define AT(member) offsetof(struct engine_options, member)

static const struct options_row rows[] = {
	{ "fd", "N",
	  "serve this: a server file of VTPM_IOC_ATTACH, a SEQPACKET\n"
	  "socket with the same frames, or a stream socket (connected\n"
	  "or listening) with bare TPM commands", take_fd, AT(fd) },
	{ "state-fd", "N",
	  "permanent state: a regular file, sealed with the data key\n"
	  "(without: the TPM ends with the process)", take_fd, AT(state_fd) },
	{ "checkpoint-fd", "N",
	  "memfd that outlives the engine; empty: a new one\n"
	  "(without: a killed engine cannot be resumed)", take_fd, AT(checkpoint_fd) },
	{ "control-fd", "N",
	  "with a listening stream socket: second listening socket,\n"
	  "for swtpm's control channel", take_fd, AT(control_fd) },
	{ "key-fd", "N",
	  "data key: 32 bytes to be read there\n"
	  "(without: a published one, which protects nothing)", take_fd, AT(key_fd) },
	{ "instance", "HEX", "life of the device, as VTPM_IOC_ATTACH returned it; 0 for none",
	  take_instance, AT(instance) },
	{ "manufacture", NULL, "make a new TPM if the store is empty", options_flag,
	  AT(manufacture) },
	{ "firmware", NULL,
	  "the client is a machine's firmware: it sends TPM2_Startup,\n"
	  "owns platformAuth, and may re-seed the TPM", options_flag, AT(firmware) },
	{ "help", NULL, "this", options_flag, AT(help) },
};

static const struct options_program program = {
	.summary = "vtpm-engine: one TPM 2.0, behind descriptors that its parent opened",
	.rows = rows,
	.count = sizeof(rows) / sizeof(rows[0]),
	.ending =
	"SIGTERM shuts the TPM down in order; SIGHUP ends between two commands and leaves it\n"
	"to the next engine. A TPM whose engine ended in any other way than SIGTERM is resumed\n"
	"by an engine with the same checkpoint, state and instance.\n"
	"\n"
	"exit status: 0 ended by SIGTERM; 1 unexpected error; 2 usage; 3 the checkpoint is\n"
	"of another instance; 4 quarantine: state or checkpoint cannot be right; 5 no state\n"
	"and no --manufacture; 6 failure mode of the TPM; 7 the other side of --fd is gone;\n"
	"8 unknown outcome of a commit; 9 no sandbox; 10 no data key; 11 ended by SIGHUP. After\n"
	"1, 6, 7, 8 and 11 it can be resumed; 3, 4, 5, 9 and 10 have touched nothing.\n",
};

void engine_options_help(void)
{
	options_help(&program);
}

int engine_options_parse(struct engine_options *options, int argc, char **argv)
{
	int r;

	*options = (struct engine_options){
		.fd = -1,
		.control_fd = -1,
		.state_fd = -1,
		.checkpoint_fd = -1,
		.key_fd = -1,
	};
	r = options_parse(&program, options, argc, argv);
	if (!r && !options->help && options->fd < 0) {
		log_line("--fd is missing");
		r = -EINVAL;
	}
	return r;
}
