// SPDX-License-Identifier: BSD-3-Clause
/*
 * The command line: one table, from which the help is made too.
 */
#include "engine/engine.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"

enum {
	OPTION_FD = 1,
	OPTION_STATE_FD,
	OPTION_CHECKPOINT_FD,
	OPTION_CONTROL_FD,
	OPTION_KEY_FD,
	OPTION_INSTANCE,
	OPTION_MANUFACTURE,
	OPTION_FIRMWARE,
	OPTION_HELP,
};

static const struct option long_options[] = {
	{ "fd", required_argument, NULL, OPTION_FD },
	{ "state-fd", required_argument, NULL, OPTION_STATE_FD },
	{ "checkpoint-fd", required_argument, NULL, OPTION_CHECKPOINT_FD },
	{ "control-fd", required_argument, NULL, OPTION_CONTROL_FD },
	{ "key-fd", required_argument, NULL, OPTION_KEY_FD },
	{ "instance", required_argument, NULL, OPTION_INSTANCE },
	{ "manufacture", no_argument, NULL, OPTION_MANUFACTURE },
	{ "firmware", no_argument, NULL, OPTION_FIRMWARE },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ NULL, 0, NULL, 0 },
};

static const char help[] =
	"vtpm-engine: one TPM 2.0, behind descriptors that its parent opened\n"
	"\n"
	"  --fd N             serve this: a server file of VTPM_IOC_ATTACH, a SEQPACKET\n"
	"                     socket with the same frames, or a stream socket (connected\n"
	"                     or listening) with bare TPM commands\n"
	"  --state-fd N       permanent state: a regular file, sealed with the data key\n"
	"                     (without: the TPM ends with the process)\n"
	"  --checkpoint-fd N  memfd that outlives the engine; empty: a new one\n"
	"                     (without: a killed engine cannot be resumed)\n"
	"  --control-fd N     with a listening stream socket: second listening socket,\n"
	"                     for swtpm's control channel\n"
	"  --key-fd N         data key: 32 bytes to be read there\n"
	"                     (without: a published one, which protects nothing)\n"
	"  --instance HEX     life of the device, as VTPM_IOC_ATTACH returned it; 0 for none\n"
	"  --manufacture      make a new TPM if the store is empty\n"
	"  --firmware         the client is a machine's firmware: it sends TPM2_Startup,\n"
	"                     owns platformAuth, and may re-seed the TPM\n"
	"  --help             this\n"
	"\n"
	"SIGTERM shuts the TPM down in order; SIGHUP ends between two commands and leaves it\n"
	"to the next engine. A TPM whose engine ended in any other way than SIGTERM is resumed\n"
	"by an engine with the same checkpoint, state and instance.\n"
	"\n"
	"exit status: 0 ended by SIGTERM; 1 unexpected error; 2 usage; 3 the checkpoint is\n"
	"of another instance; 4 quarantine: state or checkpoint cannot be right; 5 no state\n"
	"and no --manufacture; 6 failure mode of the TPM; 7 the other side of --fd is gone;\n"
	"8 unknown outcome of a commit; 9 no sandbox; 10 no data key; 11 ended by SIGHUP. After\n"
	"1, 6, 7, 8 and 11 it can be resumed; 3, 4, 5, 9 and 10 have touched nothing.\n";

void engine_options_help(void)
{
	fputs(help, stdout);
}

static int parse_fd(const char *text, int *ret)
{
	char *end;
	long value;

	errno = 0;
	value = strtol(text, &end, 10);
	if (errno || end == text || *end || value <= 2 || value > INT_MAX) {
		log_line("'%s' is no descriptor above 2", text);
		return -EINVAL;
	}
	*ret = (int)value;
	return 0;
}

static int parse_instance(const char *text, uint64_t *ret)
{
	char *end;

	errno = 0;
	*ret = strtoull(text, &end, 16);
	if (errno || end == text || *end || *text == '-') {
		log_line("'%s' is no instance", text);
		return -EINVAL;
	}
	return 0;
}

static int take_option(struct engine_options *options, int option)
{
	switch (option) {
	case OPTION_FD:
		return parse_fd(optarg, &options->fd);
	case OPTION_STATE_FD:
		return parse_fd(optarg, &options->state_fd);
	case OPTION_CHECKPOINT_FD:
		return parse_fd(optarg, &options->checkpoint_fd);
	case OPTION_CONTROL_FD:
		return parse_fd(optarg, &options->control_fd);
	case OPTION_KEY_FD:
		return parse_fd(optarg, &options->key_fd);
	case OPTION_INSTANCE:
		return parse_instance(optarg, &options->instance);
	case OPTION_MANUFACTURE:
		options->manufacture = true;
		return 0;
	case OPTION_FIRMWARE:
		options->firmware = true;
		return 0;
	case OPTION_HELP:
		options->help = true;
		return 0;
	default:
		return -EINVAL;
	}
}

int engine_options_parse(struct engine_options *options, int argc, char **argv)
{
	int option, r = 0;

	*options = (struct engine_options){
		.fd = -1,
		.control_fd = -1,
		.state_fd = -1,
		.checkpoint_fd = -1,
		.key_fd = -1,
	};
	while (!r && (option = getopt_long(argc, argv, "", long_options, NULL)) != -1)
		r = take_option(options, option);
	if (r || options->help)
		return r;
	if (optind < argc) {
		log_line("'%s' is too much", argv[optind]);
		return -EINVAL;
	}
	if (options->fd < 0) {
		log_line("--fd is missing");
		return -EINVAL;
	}
	return 0;
}
