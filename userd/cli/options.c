// SPDX-License-Identifier: BSD-3-Clause
/*
 * Options: one table, from which the command line is read and the help is made.
 * Which command takes which stands in command.c. They may stand anywhere.
 */
#include "cli/cli.h"

#include <errno.h>
#include <getopt.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/secret.h"
#include "base/text.h"
#include "cli/report.h"
#include "wire/ipc_keyd.h"

/**
 * struct row - an option
 * @name: without its dashes
 * @argument: what its argument is called; NULL: it has none
 * @help: what it does
 * @take: read the argument; false: it is malformed
 * @flag: what to set where there is no argument
 */
struct row {
	const char *name;
	const char *argument;
	const char *help;
	bool (*take)(struct cli *cli, char *text);
	size_t flag;
};

#define FLAG(member) NULL, offsetof(struct cli, member)

static bool take_number(const char *text, unsigned long most, unsigned long *ret)
{
	char *end;

	errno = 0;
	*ret = strtoul(text, &end, 10);
	return !errno && *text >= '0' && *text <= '9' && !*end && *ret <= most;
}

static bool take_fd(const char *text, int *ret)
{
	unsigned long value;

	/* 1 and 2 are for what everybody may read. */
	if (!take_number(text, INT_MAX, &value) || value == 1 || value == 2)
		return false;
	*ret = (int)value;
	return true;
}

static bool take_runtime_dir(struct cli *cli, char *text)
{
	cli->runtime_dir = text;
	return *text;
}

static bool take_state_dir(struct cli *cli, char *text)
{
	cli->state_dir = text;
	return *text;
}

static bool take_pcrs(struct cli *cli, char *text)
{
	unsigned long pcr;
	char *rest = NULL;

	if (!strncmp(text, "sha256:", strlen("sha256:")))
		text += strlen("sha256:");
	if (!strcmp(text, "all")) {
		cli->pcrs = 0xffffff;
		return true;
	}
	for (char *word = strtok_r(text, ",", &rest); word; word = strtok_r(NULL, ",", &rest)) {
		if (!take_number(word, 23, &pcr))
			return false;
		cli->pcrs |= (uint32_t)1 << pcr;
	}
	return cli->pcrs != 0;
}

static bool take_recovery_code_file(struct cli *cli, char *text)
{
	cli->recovery_code_file = text;
	return *text;
}

static bool take_recovery_code_fd(struct cli *cli, char *text)
{
	return take_fd(text, &cli->recovery_code_fd);
}

static bool take_key_fd(struct cli *cli, char *text)
{
	return take_fd(text, &cli->key_fd);
}

static bool take_owner_password_fd(struct cli *cli, char *text)
{
	return take_fd(text, &cli->owner_password_fd);
}

static bool take_front_end(struct cli *cli, char *text)
{
	cli->front_end = text;
	return !strcmp(text, "device") || !strcmp(text, "chip") || !strcmp(text, "socket") ||
	       !strcmp(text, "vm");
}

static bool take_format(struct cli *cli, char *text)
{
	static const char *const names[] = {
		[CLI_FORMAT_QEMU] = "qemu",
		[CLI_FORMAT_LIBVIRT] = "libvirt",
		[CLI_FORMAT_CDI] = "cdi",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		cli->format = (enum cli_format)i;
		if (!strcmp(text, names[i]))
			return true;
	}
	return false;
}

static bool take_user(const char *text, uid_t *ret_uid, gid_t *ret_gid, bool *ret_has_gid)
{
	const struct passwd *entry = getpwnam(text);
	unsigned long number;

	if (!entry && take_number(text, UINT32_MAX - 1, &number))
		entry = getpwuid((uid_t)number);
	else if (!entry)
		return false;
	*ret_uid = entry ? entry->pw_uid : (uid_t)number;
	*ret_has_gid = entry;
	if (entry)
		*ret_gid = entry->pw_gid;
	return true;
}

static bool take_group(const char *text, gid_t *ret)
{
	const struct group *entry = getgrnam(text);
	unsigned long number;

	if (entry) {
		*ret = entry->gr_gid;
		return true;
	}
	if (!take_number(text, UINT32_MAX - 1, &number))
		return false;
	*ret = (gid_t)number;
	return true;
}

/* A number that is nobody's here (a container's user) has no group either: name one. */
static bool take_owner(struct cli *cli, char *text)
{
	char *colon = strchr(text, ':');
	bool has_group, good;

	if (colon)
		*colon = '\0';
	good = take_user(text, &cli->owner, &cli->group, &has_group) &&
	       (colon ? take_group(colon + 1, &cli->group) : has_group);
	if (colon)
		*colon = ':';
	cli->owner_set = good;
	return good;
}

static bool take_mode(struct cli *cli, char *text)
{
	cli->mode = text;
	return strlen(text) >= 3 && strlen(text) <= 4 && !text[strspn(text, "01234567")];
}

static bool take_pcr_banks(struct cli *cli, char *text)
{
	cli->pcr_banks = text;
	return *text;
}

static bool take_control_node(struct cli *cli, char *text)
{
	cli->control_node = text;
	return *text;
}

static bool take_cdi_dir(struct cli *cli, char *text)
{
	cli->cdi_dir = text;
	return *text;
}

static bool take_image(struct cli *cli, char *text)
{
	cli->image = text;
	return *text;
}

static bool take_configuration(struct cli *cli, char *text)
{
	cli->configuration = text;
	return *text;
}

static bool take_restart(struct cli *cli, char *text)
{
	cli->restart = text;
	return !strcmp(text, "reset") || !strcmp(text, "keep");
}

static bool take_nonce(struct cli *cli, char *text)
{
	cli->nonce = text;
	return strlen(text) == 64 && !text[strspn(text, "0123456789abcdefABCDEF")];
}

static bool take_digest(struct cli *cli, char *text)
{
	cli->digest = text;
	return strlen(text) == 64 && !text[strspn(text, "0123456789abcdefABCDEF")];
}

static bool take_app_key(struct cli *cli, char *text)
{
	cli->app_key = text;
	return *text;
}

static bool take_output(struct cli *cli, char *text)
{
	cli->output = text;
	return *text;
}

/* A URL, or a file: which of the two the command says. */
static bool take_to(struct cli *cli, char *text)
{
	cli->to = text;
	return *text;
}

static bool take_verdict(struct cli *cli, char *text)
{
	cli->verdict = text;
	return *text;
}

static bool take_new_name(struct cli *cli, char *text)
{
	cli->new_name = text;
	return *text;
}

/* Whoever lists processes sees the command line: what is secret does not stay there. */
static bool take_token(struct cli *cli, char *text)
{
	size_t length = strlen(text);

	text_cut(cli->token, sizeof(cli->token), text);
	secret_wipe(text, length);
	return length && length < sizeof(cli->token);
}

static bool take_token_file(struct cli *cli, char *text)
{
	cli->token_file = text;
	return *text;
}

static bool take_token_fd(struct cli *cli, char *text)
{
	return take_fd(text, &cli->token_fd);
}

static bool take_ca(struct cli *cli, char *text)
{
	cli->ca = text;
	return *text;
}

static bool take_event_log(struct cli *cli, char *text)
{
	cli->event_log = text;
	return *text;
}

static bool take_replace(struct cli *cli, char *text)
{
	if (cli->replace_count == CLI_REPLACE_MAX || !strchr(text, '='))
		return false;
	cli->replace[cli->replace_count++] = text;
	return true;
}

static bool take_dbx(struct cli *cli, char *text)
{
	cli->dbx = text;
	return *text;
}

static bool take_cmdline(struct cli *cli, char *text)
{
	cli->cmdline = text;
	return true;
}

static bool take_firmware(struct cli *cli, char *text)
{
	cli->firmware = text;
	return *text;
}

static bool take_label(struct cli *cli, char *text)
{
	cli->label = text;
	for (const char *c = text; *c; c++)
		if (*c < ' ' || *c > '~')
			return false;
	return strlen(text) <= KEYD_LABEL_MAX;
}

static bool take_expires(struct cli *cli, char *text)
{
	unsigned long days;

	if (!take_number(text, 36500, &days) || !days)
		return false;
	cli->expires = (unsigned int)days;
	return true;
}

static bool take_plan(struct cli *cli, char *text)
{
	cli->plan = text;
	return *text;
}

static bool take_sign_with(struct cli *cli, char *text)
{
	cli->sign_with = text;
	return *text;
}

static bool take_plan_key(struct cli *cli, char *text)
{
	cli->plan_key = text;
	return *text;
}

static bool take_sequence(struct cli *cli, char *text)
{
	return take_number(text, LONG_MAX, &cli->sequence) && cli->sequence;
}

static bool take_ima_log(struct cli *cli, char *text)
{
	cli->ima_log = text;
	return *text;
}

static bool take_key(struct cli *cli, char *text)
{
	cli->key = text;
	return !strcmp(text, "ek-rsa2048") || !strcmp(text, "ek-p256") ||
	       !strcmp(text, "ek-p384") || !strcmp(text, "iak");
}

static bool take_encoding(struct cli *cli, char *text)
{
	cli->encoding = text;
	return !strcmp(text, "text") || !strcmp(text, "pem") || !strcmp(text, "der") ||
	       !strcmp(text, "public");
}

static bool take_certificate(struct cli *cli, char *text)
{
	cli->certificate = text;
	return *text;
}

static bool take_timeout(struct cli *cli, char *text)
{
	unsigned long seconds;

	if (!take_number(text, 1000000000, &seconds) || !seconds)
		return false;
	cli->timeout = (unsigned int)seconds;
	return true;
}

static bool take_rollback(struct cli *cli, char *text)
{
	cli->rollback = text;
	return !strcmp(text, "strict") || !strcmp(text, "lazy") || !strcmp(text, "off");
}

static bool take_window(struct cli *cli, char *text)
{
	unsigned long seconds;

	if (!take_number(text, 86400, &seconds) || seconds < 60)
		return false;
	cli->window = (unsigned int)seconds;
	return true;
}

static bool take_policy(struct cli *cli, char *text)
{
	cli->policy = text;
	return !strcmp(text, "log") || !strcmp(text, "no-new-start") ||
	       !strcmp(text, "freeze-keys") || !strcmp(text, "stop");
}

static bool take_grace(struct cli *cli, char *text)
{
	unsigned long seconds;

	if (!take_number(text, 2592000, &seconds))
		return false;
	cli->grace = (unsigned int)seconds;
	return true;
}

static bool take_reason(struct cli *cli, char *text)
{
	cli->reason = text;
	return *text && strlen(text) <= 200;
}

static bool take_for(struct cli *cli, char *text)
{
	unsigned long seconds;

	if (!take_number(text, 604800, &seconds))
		return false;
	cli->lasts = (unsigned int)seconds;
	return true;
}

/* The first line is for every command. */
static const struct row rows[] = {
	{ "runtime-dir", "DIR",
	  "where vtpmd is (/run/vtpm for root, $XDG_RUNTIME_DIR/vtpm for others)", take_runtime_dir,
	  0 },
	{ "json", NULL, "print objects for scripts", FLAG(json) },
	{ "help", NULL, "print a summary and exit", FLAG(help) },
	{ "version", NULL, "print the version and exit", FLAG(version) },
	{ "no-hardware", NULL, "do without a host TPM: NOT HARDWARE PROTECTED", FLAG(no_hardware) },
	{ "pcrs", "N,N",
	  "PCRs of the host TPM, or all: the host root key is bound to (7,14), or are quoted (all)",
	  take_pcrs, 0 },
	{ "recovery-code-file", "PATH", "write the recovery code to this new file",
	  take_recovery_code_file, 0 },
	{ "recovery-code-fd", "N", "write the recovery code to, or read it from, a descriptor",
	  take_recovery_code_fd, 0 },
	{ "owner-password-fd", "N", "read the host TPM's owner password from a descriptor",
	  take_owner_password_fd, 0 },
	{ "bind", NULL, "seal the host root key to the host TPM that is here now", FLAG(bind) },
	{ "rollback", "MODE", "find out an older copy of the store: strict, lazy or off (lazy)",
	  take_rollback, 0 },
	{ "window", "SECONDS", "with lazy: what an older copy may lack at most (600)", take_window,
	  0 },
	{ "key-fd", "N", "read the migration key from a descriptor", take_key_fd, 0 },
	{ "accept-rollback", NULL,
	  "use a store that is not the newest one: WHAT CAME SINCE IS LOST",
	  FLAG(accept_rollback) },
	{ "accept-move", NULL, "use a store whose counter is in another host TPM, or gone",
	  FLAG(accept_move) },
	{ "state-dir", "DIR", "where the store is (/var/lib/vtpm)", take_state_dir, 0 },
	{ "use-copy", NULL, "put its copy in the place of a store that is not intact",
	  FLAG(use_copy) },
	{ "front-end", "KIND", "device (/dev/vtpmN), chip (/dev/tpmN), socket or vm",
	  take_front_end, 0 },
	{ "owner", "USER[:GROUP]", "who may use it (the caller)", take_owner, 0 },
	{ "mode", "MODE", "permissions of its nodes or socket, in octal (0600)", take_mode, 0 },
	{ "pcr-banks", "ALG,ALG", "some of sha1, sha256, sha384, sha512 (sha256)", take_pcr_banks,
	  0 },
	{ "plain-state", NULL, "let its state leave and come in clear, as swtpm's does",
	  FLAG(plain_state) },
	{ "no-start", NULL, "make it, but do not start it", FLAG(no_start) },
	{ "format", "KIND", "for whom: qemu, libvirt or cdi (qemu)", take_format, 0 },
	{ "timeout", "SECONDS", "give up after this time", take_timeout, 0 },
	{ "yes", NULL, "ask nothing", FLAG(yes) },
	{ "control-node", "PATH", "the driver's control node (/dev/vtpmx)", take_control_node, 0 },
	{ "image", "DIGEST", "sha256:... of the image", take_image, 0 },
	{ "configuration", "DIGEST", "sha256:... of what runs, and how", take_configuration, 0 },
	{ "restart", "POLICY", "reset it, or keep it if it has this launch (reset)", take_restart,
	  0 },
	{ "nonce", "DIGITS", "what the evidence answers: 64 hexadecimal digits of a verifier",
	  take_nonce, 0 },
	{ "deep", NULL, "have the host vouch for the vTPM", FLAG(deep) },
	{ "digest", "DIGITS",
	  "SHA-256 of a statement that the vTPM made for its client: vouch for that", take_digest,
	  0 },
	{ "app-key", "PREFIX", "put a key that the vTPM certified beside: PREFIX.pub, .msg, .sig",
	  take_app_key, 0 },
	{ "output", "FILE", "write it to this file (standard output)", take_output, 0 },
	{ "to", "URL|FILE",
	  "answer the challenge of this verifier; go to the host whose `host move-key` this is",
	  take_to, 0 },
	{ "verdict", "FILE", "what `host attest --to URL --json` said on that host", take_verdict,
	  0 },
	{ "again", NULL, "the package of a vTPM that left", FLAG(again) },
	{ "name", "NAME", "what it is called here (as it was)", take_new_name, 0 },
	{ "token", "TOKEN", "one-time token of the verifier's administrator; others may see it",
	  take_token, 0 },
	{ "token-file", "PATH", "read the token from this file, or from - (standard input)",
	  take_token_file, 0 },
	{ "token-fd", "N", "read the token from a descriptor", take_token_fd, 0 },
	{ "ca", "FILE", "certificates of CAs to trust (those of the system)", take_ca, 0 },
	{ "event-log", "FILE", "the firmware's log (that of securityfs)", take_event_log, 0 },
	{ "ima-log", "FILE", "the log of IMA (that of securityfs)", take_ima_log, 0 },
	{ "replace", "OLD=NEW", "where the file OLD was measured, NEW will be; up to 8 times",
	  take_replace, 0 },
	{ "dbx", "FILE", "what the variable dbx will hold, without attributes", take_dbx, 0 },
	{ "cmdline", "TEXT", "command line that GRUB will give the kernel", take_cmdline, 0 },
	{ "firmware", "FILE", "the firmware's log of a machine that has the new one already",
	  take_firmware, 0 },
	{ "label", "TEXT", "what the plan is called", take_label, 0 },
	{ "expires", "DAYS", "the plan ends after this time (never)", take_expires, 0 },
	{ "plan", "FILE", "the plan, as `seal plan --output` writes it", take_plan, 0 },
	{ "sign-with", "FILE", "private key (PEM) to sign with (that of the recovery code)",
	  take_sign_with, 0 },
	{ "plan-key", "FILE",
	  "public key (PEM) that may approve other boots, or none (that of the recovery code)",
	  take_plan_key, 0 },
	{ "sequence", "N", "the last one to end (that of the plan that runs)", take_sequence, 0 },
	{ "dry-run", NULL, "say what would come of it, and change nothing", FLAG(dry_run) },
	{ "key", "KIND", "which key: ek-rsa2048, ek-p256, ek-p384 or iak", take_key, 0 },
	{ "encoding", "KIND",
	  "text, pem or der; or the key alone, as PEM: public (text)", take_encoding, 0 },
	{ "certificate", "FILE", "a certificate of this key, PEM or DER", take_certificate, 0 },
	{ "cdi-dir", "DIR", "where container engines look (/run/cdi)", take_cdi_dir, 0 },
	{ "csr", NULL, "make a request for somebody else's CA, and no root", FLAG(csr) },
	{ "new", NULL, "make another key in place of the one that is there", FLAG(anew) },
	{ "pem", NULL, "print the certificates", FLAG(pem) },
	{ "policy", "POLICY", "what a closed gate does: log, no-new-start, freeze-keys or stop",
	  take_policy, 0 },
	{ "grace", "SECONDS", "between the end of trust and that (0)", take_grace, 0 },
	{ "reason", "TEXT", "why; it is kept", take_reason, 0 },
	{ "for", "SECONDS", "how long it is open; 0 ends it (3600)", take_for, 0 },
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

_Static_assert(ROWS <= 128, "struct cli: another word for given");

static bool is_in(const char *names, const char *name)
{
	size_t length = strlen(name);
	const char *at = names;

	while ((at = strstr(at, name))) {
		if ((at == names || at[-1] == ' ') && (!at[length] || at[length] == ' '))
			return true;
		at += length;
	}
	return false;
}

static enum cli_exit complain(struct cli *cli, const char *word, const char *what)
{
	return report(cli, report_problem("usage", "`vtpmctl help` says what there is", "'%s' %s",
					  word, what));
}

static enum cli_exit take(struct cli *cli, size_t i)
{
	const struct row *row = &rows[i];

	cli->given[i / 64] |= (uint64_t)1 << i % 64;
	if (!row->take) {
		*(bool *)((char *)cli + row->flag) = true;
		return CLI_EXIT_OK;
	}
	if (row->take(cli, optarg))
		return CLI_EXIT_OK;
	return report(cli, report_problem("usage", "`vtpmctl help` says what there is",
					  "'%s' is no value for --%s %s", optarg, row->name,
					  row->argument));
}

static const char *default_runtime_dir(void)
{
	static char dir[PATH_MAX];
	const char *base = getenv("XDG_RUNTIME_DIR");

	if (!geteuid() || !base)
		return "/run/vtpm";
	snprintf(dir, sizeof(dir), "%s/vtpm", base);
	return dir;
}

enum cli_exit cli_options_parse(struct cli *cli, int argc, char **argv)
{
	struct option options[ROWS + 1] = { 0 };
	enum cli_exit status = CLI_EXIT_OK;
	int found;

	*cli = (struct cli){ .recovery_code_fd = -1, .owner_password_fd = -1, .key_fd = -1,
			     .token_fd = -1, .lasts = 3600 };
	for (size_t i = 0; i < ROWS; i++)
		options[i] = (struct option){
			.name = rows[i].name,
			.has_arg = rows[i].argument ? required_argument : no_argument,
			.val = (int)i + 1000,
		};
	/* So that what is said of a bad command line is said in this form too. */
	for (int i = 1; i < argc; i++)
		cli->json |= !strcmp(argv[i], "--json");
	opterr = 0;
	while (!status && (found = getopt_long(argc, argv, ":", options, NULL)) != -1) {
		if (found == ':')
			status = complain(cli, argv[optind - 1], "lacks its argument");
		else if (found == '?')
			status = complain(cli, argv[optind - 1], "is no option of vtpmctl");
		else
			status = take(cli, (size_t)found - 1000);
	}
	if (!cli->runtime_dir)
		cli->runtime_dir = default_runtime_dir();
	cli->words = argv + optind;
	cli->word_count = argc - optind;
	return status;
}

void cli_options_help(const char *names)
{
	char left[64];

	for (size_t i = 0; i < ROWS; i++) {
		if (!is_in(names, rows[i].name))
			continue;
		snprintf(left, sizeof(left), "--%s %s", rows[i].name,
			 rows[i].argument ? rows[i].argument : "");
		printf("  %-28s %s\n", left, rows[i].help);
	}
}

const char *cli_options_unwanted(const struct cli *cli, const char *names)
{
	for (size_t i = 0; i < ROWS; i++)
		if (cli->given[i / 64] >> i % 64 & 1 && !is_in(names, rows[i].name))
			return rows[i].name;
	return NULL;
}
