/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What vtpm-spawn is asked by the manager, at RUNTIME_DIR/spawn.sock.
 *
 * spawn keeps for each vTPM what must outlive both its engine and the manager: what
 * the next engine goes on from (wire/life.h) and the manager's end of the engine's channel.
 * The manager keeps the former too, and gives it to a spawn that has it not: so a
 * spawn can be replaced as well. It knows a vTPM by its UUID and understands nothing of
 * what passes the channel.
 *
 * Requests begin with a tag (u32) of the manager's choice, answers with that tag and an
 * errno (0: done). One manager at a time: a new connection replaces the old one.
 */
#ifndef WIRE_IPC_SPAWN_H
#define WIRE_IPC_SPAWN_H

/**
 * enum spawn_op - operations; tag and errno are not repeated here
 * @SPAWN_START: tag, uuid, u64 instance, u32 &enum spawn_start_flags, u8 descriptors
 *	of what it serves (0 to 2: that, its control socket); those, and the life that the
 *	manager keeps of this instance, if any. Makes a channel and an engine, which goes
 *	on from what spawn keeps under the same instance; from what came along, where
 *	that is nothing; from new memory, where that is nothing either
 * @SPAWN_STARTED: u32 pid; the manager's end of the channel, and the life, as descriptors.
 *	errno EBUSY: its engine runs; ENOMEM, EMFILE, EAGAIN: as fork() and others say
 * @SPAWN_LIST: tag
 * @SPAWN_ENTRY: one for each vTPM that spawn keeps something of: uuid, u64 instance,
 *	u32 pid (0: its engine has ended), u32 wait status (of the ended one); the
 *	manager's end of the channel, and the life, as descriptors. The last one has the
 *	nil uuid and no descriptor
 * @SPAWN_SIGNAL: tag, uuid, u32 signal: to its engine, SIGTERM, SIGKILL, or SIGURG
 *	(wire/ipc_engine.h)
 * @SPAWN_SIGNALLED: nothing more. errno ESRCH: no engine runs
 * @SPAWN_FORGET: tag, uuid: give up its life and the channel
 * @SPAWN_FORGOTTEN: nothing more. errno EBUSY: its engine runs
 * @SPAWN_END: tag: SIGTERM to each engine, then end
 * @SPAWN_ENDING: nothing more
 * @SPAWN_LEAVE: tag: SIGHUP to each engine, then end: another spawn goes on with what the
 *	manager keeps. Begins when he was told all (SPAWN_LIST)
 * @SPAWN_LEAVING: nothing more. errno ECANCELED: it is ending already
 * @SPAWN_EXITED: report, without tag and errno: uuid, u32 pid, u32 wait status. Comes
 *	to the manager that is connected at that moment; SPAWN_LIST tells a later one
 */
enum spawn_op {
	SPAWN_START = 0,
	SPAWN_STARTED = 1,
	SPAWN_LIST = 2,
	SPAWN_ENTRY = 3,
	SPAWN_SIGNAL = 4,
	SPAWN_SIGNALLED = 5,
	SPAWN_FORGET = 6,
	SPAWN_FORGOTTEN = 7,
	SPAWN_END = 8,
	SPAWN_ENDING = 9,
	SPAWN_EXITED = 11,
	SPAWN_LEAVE = 12,
	SPAWN_LEAVING = 13,
	_SPAWN_OP_MAX,
};

/**
 * enum spawn_start_flags - flags of SPAWN_START
 * @SPAWN_START_IDLE: run at idle priority (a spare is being made)
 */
enum spawn_start_flags {
	SPAWN_START_IDLE = 1 << 0,
};

#endif /* WIRE_IPC_SPAWN_H */
