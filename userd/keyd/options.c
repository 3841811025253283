// SPDX-License-Identifier: BSD-3-Clause
/*
 * The command line of vtpm-keyd.
 */
#include "keyd/keyd.h"

#include <errno.h>
#include <pwd.h>

#include "base/log.h"
#include "base/options.h"

static int take_uid(void *to, const char *text)
{
	uid_t *uid = to;
	const struct passwd *user;
	long value;

	if (!options_number(text, 0, KEYD_NO_UID - 1L, &value)) {
		*uid = (uid_t)value;
		return 0;
	}
	user = getpwnam(text);
	if (!user) {
		log_line("'%s' is no user and no uid", text);
		return -EINVAL;
	}
	*uid = user->pw_uid;
	return 0;
}

#define AT(member) offsetof(struct keyd_options, member)

static const struct options_row rows[] = {
	{ "state-dir", "DIR", "the key slots are in DIR/keys", options_text, AT(state_dir) },
	{ "runtime-dir", "DIR", "listen at DIR/keyd.sock", options_text, AT(runtime_dir) },
	{ "tcti", "TCTI",
	  "the host TPM, as in TPM2TOOLS_TCTI: device:/dev/tpmrm0,\n"
	  "swtpm:path=SOCKET, mssim:host=HOST,port=PORT\n"
	  "(without: device:/dev/tpmrm0)", options_text, AT(tcti) },
	{ "manager-uid", "U", "who may manage keys, by name or uid (without: our own uid)",
	  take_uid, AT(manager_uid) },
	{ "engine-uid", "U", "who may fetch a data key with a ticket (without: our own uid)",
	  take_uid, AT(engine_uid) },
	{ "user", "NAME", "become NAME once host TPM, directory and socket are open",
	  options_text, AT(user) },
	{ "help", NULL, "this", options_flag, AT(help) },
};

static const struct options_program program = {
	.summary = "vtpm-keyd: keeps the host root key, hands out data keys",
	.rows = rows,
	.count = sizeof(rows) / sizeof(rows[0]),
	.ending =
	"SIGTERM ends it; vTPMs that run are not touched by that.\n"
	"\n"
	"exit status: 0 asked to end; 1 unexpected error; 2 usage; 3 another vtpm-keyd has\n"
	"the directory or the socket; 9 no sandbox.\n",
};

void keyd_options_help(void)
{
	options_help(&program);
}

int keyd_options_parse(struct keyd_options *options, int argc, char **argv)
{
	int r;

	*options = (struct keyd_options){
		.tcti = "device:/dev/tpmrm0",
		.manager_uid = KEYD_NO_UID,
		.engine_uid = KEYD_NO_UID,
	};
	r = options_parse(&program, options, argc, argv);
	if (r || options->help)
		return r;
	if (!options->state_dir || !options->runtime_dir) {
		log_line("--%s is missing", options->state_dir ? "runtime-dir" : "state-dir");
		return -EINVAL;
	}
	return 0;
}
