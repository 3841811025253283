/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One vTPM as the manager knows it: what is stored of it, and how it is just now.
 *
 * The definition is written to the store, changes only through a store job. The rest is
 * lost with the manager, and found again from spawn, driver and keyd.
 */
#ifndef MANAGER_VTPM_H
#define MANAGER_VTPM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <linux/vtpm.h>

#include "manager/paper.h"
#include "store/archive.h"

#define VTPM_PATH_SIZE 144

/** define VTPM_DEFAULT_MODE - mode of nodes and sockets unless asked otherwise */
#define VTPM_DEFAULT_MODE 0600

/**
 * enum vtpm_condition - state of a vTPM, as users see it
 * @VTPM_DEFINED: exists, powered off
 * @VTPM_RUNNING: answers
 * @VTPM_LOCKED: shall run, but the host root key is not open
 * @VTPM_QUARANTINED: its stored state cannot be right; kept as it is, never started
 * @VTPM_FAILED: its engine does not stay up
 * @VTPM_MOVED: it left for another host; never started here
 */
enum vtpm_condition {
	VTPM_DEFINED,
	VTPM_RUNNING,
	VTPM_LOCKED,
	VTPM_QUARANTINED,
	VTPM_FAILED,
	VTPM_MOVED,
	_VTPM_CONDITION_MAX,
};

/**
 * enum vtpm_phase - where the way to a running engine stands
 * @VTPM_IDLE: no engine, none wanted
 * @VTPM_WAITING: wanted, but keyd or spawn is away or locked
 * @VTPM_GRANTING: keyd was asked to accept a ticket
 * @VTPM_FORKING: spawn was asked for an engine
 * @VTPM_BEGINNING: the engine has its configuration
 * @VTPM_SERVING: it said it is ready
 * @VTPM_STOPPING: it was sent SIGTERM
 */
enum vtpm_phase {
	VTPM_IDLE,
	VTPM_WAITING,
	VTPM_GRANTING,
	VTPM_FORKING,
	VTPM_BEGINNING,
	VTPM_SERVING,
	VTPM_STOPPING,
};

struct manager;

/**
 * struct vtpm_view - a vTPM for those who look: what list and show tell
 * @define: what is stored
 * @condition: state
 * @phase: finer state
 * @reason: why it is locked, quarantined, failed or moved; empty otherwise
 * @engine_pid: of the engine, 0 for none
 * @generation: of the newest durable state
 * @instance: of the present life, 0 for none
 * @devices: paths of its nodes, empty ones for those that are not there
 * @socket: path of its socket, empty for none
 * @control: path of the control socket beside it, empty for none
 * @hardware_protected: its key is sealed to the host TPM
 * @rollback: how its state is protected against an older copy
 * @certificate: how the certificates of its keys are, the worst of them
 * @deaths: engines that died since the manager began
 */
struct vtpm_view {
	const struct vtpm_definition *define;
	enum vtpm_condition condition;
	enum vtpm_phase phase;
	char reason[VTPM_REASON_SIZE];
	pid_t engine_pid;
	uint64_t generation;
	uint64_t instance;
	char devices[2][VTPM_PATH_SIZE];
	char socket[VTPM_PATH_SIZE];
	char control[VTPM_PATH_SIZE];
	bool hardware_protected;
	enum keyd_rollback rollback;
	enum paper_state certificate;
	uint32_t deaths;
};

#endif /* MANAGER_VTPM_H */
