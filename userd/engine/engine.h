/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The engine: one process, one TPM.
 *
 *	main.c		birth and death
 *	options.c	the command line
 *	life.c		power-on, resume, orderly end
 *	loop.c		the way of one command, on one page
 *	persist.c	publish, commit, and back again when a commit fails
 *	orders.c	commands that the engine itself gives its TPM
 *	launch.c	a container's start, measured
 *	manufacture.c	PCR banks, keys and certificates
 *	identity.c	the keys that a TPM is known by
 *	certify.c	their certificates, wherever they come from
 *	certificate.c	these in NV indexes
 *	issue.c		these from keyd
 *	child.c		birth and death of an engine that vtpm-spawn forked
 *	channel.c, datakey.c	its talk with manager and keyd
 *	control.c	what is asked on the control channel of a stream link
 *	carry.c		states that leave for another host, and come from one
 *	evidence.c	what this TPM is, vouched for
 *	freeze.c	what it goes on answering where its host is not trusted
 *	cancel.c	stopping a command that nobody waits for
 *	outcome.c	why it ends
 *	tpmlib.c, unit.c, unit_log.c, link.c	what these work with
 *
 * Errors are negative errno values, passed up unchanged to main(), which ends the
 * process with one of enum engine_exit. These have a fixed meaning here:
 *
 *	-EPIPE		the link is gone
 *	-ESTALE		the checkpoint is of another life of the device
 *	-EBADMSG	state, checkpoint, or both together cannot be right: quarantine
 *	-ENODATA	there is no state, and none may be made
 *	-ENOTRECOVERABLE	libtpms is in failure mode
 *	-EUCLEAN	nobody can tell whether the last commit is durable
 *	-ENOKEY		there is no data key
 */
#ifndef ENGINE_ENGINE_H
#define ENGINE_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/certify.h"
#include "engine/evidence.h"
#include "engine/launch.h"
#include "engine/link.h"
#include "engine/tpmlib.h"
#include "engine/unit.h"
#include "rm/rm.h"
#include "store/envelope.h"
#include "store/store.h"
#include "wire/ipc.h"

/**
 * enum engine_exit - exit status of vtpm-engine
 * @ENGINE_EXIT_OK: ended in order by SIGTERM; the TPM was shut down
 * @ENGINE_EXIT_ERROR: something unexpected, see the log line; may be resumed
 * @ENGINE_EXIT_USAGE: bad command line
 * @ENGINE_EXIT_STALE: the checkpoint is of another instance; nothing touched
 * @ENGINE_EXIT_QUARANTINE: state or checkpoint cannot be right; nothing touched
 * @ENGINE_EXIT_NO_STATE: the store is empty and --manufacture was not given
 * @ENGINE_EXIT_TPM: libtpms went into failure mode; may be resumed
 * @ENGINE_EXIT_DETACHED: the link's other side is gone; may be resumed
 * @ENGINE_EXIT_STORE: a commit's outcome is unknown; may be resumed
 * @ENGINE_EXIT_SANDBOX: the sandbox could not be entered; nothing touched
 * @ENGINE_EXIT_KEY: no data key was to be had; nothing touched
 * @ENGINE_EXIT_LEFT: ended by SIGHUP between two commands; may be resumed
 */
enum engine_exit {
	ENGINE_EXIT_OK = 0,
	ENGINE_EXIT_ERROR = 1,
	ENGINE_EXIT_USAGE = 2,
	ENGINE_EXIT_STALE = 3,
	ENGINE_EXIT_QUARANTINE = 4,
	ENGINE_EXIT_NO_STATE = 5,
	ENGINE_EXIT_TPM = 6,
	ENGINE_EXIT_DETACHED = 7,
	ENGINE_EXIT_STORE = 8,
	ENGINE_EXIT_SANDBOX = 9,
	ENGINE_EXIT_KEY = 10,
	ENGINE_EXIT_LEFT = 11,
};

/**
 * struct engine - all there is
 * @link: where commands come from
 * @unit: checkpoint
 * @rm: its clients' objects and sessions
 * @store: where the permanent state goes, borrowed
 * @key: data key of the TPM
 * @migration_key: key that states are carried to another host under
 * @carries: there is one
 * @record: what the store held at the start; its bytes until the first commit
 * @instance: life of the device
 * @firmware: the vTPM has firmware of its own: it does Startup and owns platformAuth
 * @plain_state: states leave and come in clear
 * @reseals: what the store holds is of an epoch before @key's
 * @forks: the next commit is the first one of @key's epoch
 * @former: that state, while it is powered on; NULL for none
 * @former_length: bytes of it
 * @manufacture: an empty store may get a new TPM
 * @provisions: a new TPM gets PCR banks and keys
 * @banks: PCR banks it shall have, bit n: TPM_ALG_ID n; 0: as they are
 * @launch: measured when the TPM is powered on
 * @certify: which keys shall get certificates when it is powered on
 * @issuer: who issues them; NULL: nobody
 * @certified: what became of that, until engine_certified_done(); NULL: nothing was wanted
 * @resumed: it went on from a checkpoint
 * @audits: the TPM audits commands that otherwise change nothing
 * @unsettled: the next command is published even if it changes nothing
 * @channel: to the manager; NULL: none
 * @evidence: what it can vouch for
 * @reason: why it ends, a sentence
 */
struct engine {
	struct link link;
	struct unit unit;
	struct rm rm;
	struct store *store;
	struct envelope_key key;
	struct envelope_key migration_key;
	bool carries;
	struct store_record record;
	uint64_t instance;
	bool firmware;
	bool plain_state;
	bool reseals;
	bool forks;
	const uint8_t *former;
	size_t former_length;
	bool manufacture;
	bool provisions;
	uint32_t banks;
	struct engine_launch launch;
	struct certify_wish certify;
	const struct certify_issuer *issuer;
	struct certify_result *certified;
	bool resumed;
	bool audits;
	bool unsettled;
	struct channel *channel;
	struct evidence evidence;
	char reason[IPC_TEXT_MAX];
};

/**
 * struct engine_options - the command line
 * @fd: --fd
 * @control_fd: --control-fd or -1
 * @state_fd: --state-fd or -1
 * @checkpoint_fd: --checkpoint-fd or -1
 * @key_fd: --key-fd or -1
 * @instance: --instance or 0
 * @firmware: --firmware
 * @manufacture: --manufacture
 * @help: --help
 */
struct engine_options {
	int fd;
	int control_fd;
	int state_fd;
	int checkpoint_fd;
	int key_fd;
	uint64_t instance;
	bool firmware;
	bool manufacture;
	bool help;
};

/* options.c */

/** engine_options_parse() - Return: 0, or -EINVAL after a line to the log */
int engine_options_parse(struct engine_options *options, int argc, char **argv);

/** engine_options_help() - describe them on standard output */
void engine_options_help(void);

/* cancel.c */

/**
 * engine_cancel_abandoned() - from now on, stop commands whose clients have gone
 * @link: open; it must not move
 *
 * To be called before the sandbox. A link that cannot tell does without.
 *
 * Return: 0 or -errno of sigaction(), sigprocmask() or fcntl().
 */
int engine_cancel_abandoned(const struct link *link);

/* outcome.c */

/** engine_fails() - log a sentence, keep the first one as the reason. Return: @error */
int engine_fails(struct engine *engine, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/** engine_reason() - the sentence kept; for an error without one, a general one */
const char *engine_reason(const struct engine *engine, int error);

/** engine_exit_status() - of a negative errno, ENGINE_LEAVES, or 0 */
enum engine_exit engine_exit_status(int error);

/** define ENGINE_TEST_KEY - GCM_KEY_SIZE bytes, published here: a key that protects nothing */
#define ENGINE_TEST_KEY "vtpm test key, protects nothing!"

/* life.c */

/**
 * engine_start() - resume or power on, as checkpoint and store say
 *
 * Return: 0: ready to serve. -ESTALE, -EBADMSG, -ENODATA (nothing touched),
 * -ENOTRECOVERABLE, -EUCLEAN, another -errno.
 */
int engine_start(struct engine *engine);

/**
 * engine_end() - shut the TPM down in order, so that nothing resumes it
 *
 * Return: 0; -ENOTRECOVERABLE, -EUCLEAN, another -errno of the last commit.
 */
int engine_end(struct engine *engine);

/**
 * engine_cycle() - a power cycle of a TPM that runs
 *
 * Return: 0; ENGINE_NOT_KEPT (what it was before is back); as engine_publish().
 */
int engine_cycle(struct engine *engine);

/**
 * engine_import() - go on with states from elsewhere, in the next epoch
 * @permanent: permanent state
 * @volatile_state: volatile state that belongs to it; an empty one for a power-on
 *
 * Return: 0; ENGINE_NOT_KEPT (what was here before is back); -EBADMSG (libtpms refuses
 * them: what it holds now is nothing); as engine_publish().
 */
int engine_import(struct engine *engine, const struct tpmlib_blob *permanent,
		  const struct tpmlib_blob *volatile_state);

/* control.c */

/**
 * engine_control_begin() - be who answers on the control channel, if the link has one
 *
 * To be called after engine_start(). A TPM whose firmware has yet to come is off then.
 */
void engine_control_begin(struct engine *engine);

/** engine_control_end() - wipe what waits for a power-on that does not come */
void engine_control_end(struct engine *engine);

/* carry.c */

/**
 * carry_set_key() - let states leave and come, sealed with this key
 * @bytes: GCM_KEY_SIZE bytes, copied; NULL: they stay here
 *
 * Return: 0 or -ENOMEM.
 */
int carry_set_key(struct engine *engine, const uint8_t *bytes);

/** carry_done() - wipe the key and what came and was not used */
void carry_done(struct engine *engine);

/**
 * carry_out() - seal a state of the current unit, or give it away in clear
 * @out: for the bytes
 * @ret_sealed: they are ciphertext
 *
 * Return: 0; CTRL_KEY_NOT_FOUND; CTRL_SIZE; as engine_open_unit().
 */
int carry_out(struct engine *engine, enum ctrl_state state, struct cursor_out *out,
	      bool *ret_sealed);

/**
 * carry_in() - open a state and keep it for carry_begin()
 *
 * Return: 0; CTRL_KEY_NOT_FOUND; CTRL_DECRYPT_ERROR; -ENOMEM.
 */
int carry_in(struct engine *engine, enum ctrl_state state, const uint8_t *bytes, size_t length);

/**
 * carry_begin() - go on with the states that came
 * @loaded: which ones should be here, bit n: &enum ctrl_state
 *
 * Return: 0; CTRL_FAIL (they are not here, are none of libtpms's, or not of one moment; what
 * was here before is back); as engine_import().
 */
int carry_begin(struct engine *engine, uint8_t loaded);

/* loop.c */

/**
 * engine_stop_on_signals() - let SIGTERM and SIGHUP end engine_serve() between two commands
 *
 * Return: 0 or -errno of sigaction() or sigprocmask().
 */
int engine_stop_on_signals(void);

/** define ENGINE_LEAVES - the TPM goes on in another engine: it is not to be shut down */
#define ENGINE_LEAVES 1

/**
 * engine_serve() - answer commands
 *
 * Return: 0 after SIGTERM; ENGINE_LEAVES after SIGHUP;
 * otherwise why it cannot go on: -EPIPE, -EPROTO,
 * -ENOTRECOVERABLE, -EUCLEAN, another -errno.
 */
int engine_serve(struct engine *engine);

/* evidence.c */

/**
 * engine_attend() - answer what the manager asked, if he did
 *
 * The TPM is left as it was: it is put back into the current unit, and stirred. What the manager
 * says that is no question, or that he is gone, is for the next commit to find.
 *
 * Return: 0; -ENOTRECOVERABLE; -ENOMEM.
 */
int engine_attend(struct engine *engine);

/* persist.c */

/** define ENGINE_NOT_KEPT - the state of before is back, the answer is not true */
#define ENGINE_NOT_KEPT 1

/**
 * engine_publish() - make what the TPM is now the current unit, and durable
 * @engine: engine
 * @id: request that link.answer answers; 0: none, or one without an id
 * @ended: the TPM was shut down in order
 *
 * Return: 0; ENGINE_NOT_KEPT (the commit failed for good and the TPM is as it
 * was before the command: answer TPM_RC_NV_UNAVAILABLE); -ENOTRECOVERABLE; -EUCLEAN;
 * another -errno of a commit that failed where there is no unit before, or of
 * unit_publish().
 */
int engine_publish(struct engine *engine, uint64_t id, bool ended);

/**
 * engine_set_epoch() - seal units and envelopes in this epoch from now on
 *
 * Those of the one before do not open any more.
 *
 * Return: 0 or -errno of unit_set_key(), after which there is no key.
 */
int engine_set_epoch(struct engine *engine, uint64_t epoch);

/** engine_unit_back() - as unit_back(), in the epoch that the unit before is of. Return: too */
int engine_unit_back(struct engine *engine);

/**
 * engine_append() - log the command that just ran, and link.answer, behind the current unit
 * @engine: engine, whose TPM differs from the unit by the log and this command alone
 * @client: whose it was
 * @command: with COMMAND_REPLAYS
 *
 * Return: as unit_append().
 */
int engine_append(struct engine *engine, uint64_t client, const struct tpm_command *command);

/**
 * engine_open_unit() - decrypt the current unit; one that does not open is a quarantine
 * @ret: the caller ends it with unit_close()
 *
 * Return: as unit_open(); the reason of -EBADMSG has been said.
 */
int engine_open_unit(struct engine *engine, struct unit_plain **ret);

/**
 * engine_put_back() - put the current unit into the TPM, and run its log
 *
 * The TPM's random generator is back, too: stir it before anybody can ask.
 *
 * Return: 0; -EBADMSG (quarantine: the reason has been said); -ENOMEM; -ENOTRECOVERABLE.
 */
int engine_put_back(struct engine *engine);

/** engine_restore() - the same, ask for audits, and stir. Return: as engine_put_back() */
int engine_restore(struct engine *engine);

/**
 * engine_ask_audits() - renew engine->audits, leaving no trace in the TPM
 *
 * The question is a command like any other: it may itself be audited, and it ends
 * the exclusiveness of an audit session. So the TPM is put back into the current
 * unit after it; what is not published is lost.
 *
 * Return: 0 or -ENOTRECOVERABLE.
 */
int engine_ask_audits(struct engine *engine);

/* manufacture.c */

/**
 * engine_manufacture() - give a TPM its PCR banks, and a new one its keys
 * @engine: engine, whose TPM was just powered on
 * @new: it has just been made
 *
 * Keys that the manager named are looked at, and get certificates. Leaves the TPM powered on
 * and not started up.
 *
 * Return: 0; -EINVAL (banks that it does not know); -ENOMEM; -ENOTRECOVERABLE.
 */
int engine_manufacture(struct engine *engine, bool new);

/** engine_certified_done() - free what engine_manufacture() left to be told; none is fine */
void engine_certified_done(struct engine *engine);

/* orders.c; each returns 0, or -ENOTRECOVERABLE where the TPM refuses */

/** engine_order_startup() - TPM2_Startup(CLEAR) */
int engine_order_startup(void);

/** engine_order_shutdown() - TPM2_Shutdown(CLEAR); a TPM not started up is fine */
int engine_order_shutdown(void);

/** engine_order_platform_auth() - make platformAuth a number nobody knows */
int engine_order_platform_auth(void);

/** engine_order_stir() - feed fresh entropy; a TPM not started up is fine */
int engine_order_stir(void);

/** engine_order_audits() - ask for @audits of struct engine; may leave a trace */
int engine_order_audits(bool *ret_audits);

#endif /* ENGINE_ENGINE_H */
