/* SPDX-License-Identifier: (GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause */
/*
 * Virtual TPM 2.0 devices: the contract between the driver and userland.
 *
 * This header is the specification. Who reads only this file can write a
 * server (an "engine") or a manager; Documentation/uapi.rst is made from it.
 */
#ifndef _UAPI_LINUX_VTPM_H
#define _UAPI_LINUX_VTPM_H

#include <linux/ioctl.h>
#include <linux/types.h>

/**
 * DOC: nodes
 *
 * ``/dev/vtpmx``
 *	The control node, mode 0600. Two sets of calls live on it: mainline's
 *	``VTPM_PROXY_IOC_NEW_DEV`` (see ``<linux/vtpm_proxy.h>``, same number,
 *	structure, flags and errors; needs CAP_SYS_ADMIN at the call), and the
 *	``VTPM_IOC_*`` calls below (need CAP_SYS_ADMIN, in the initial user
 *	namespace, of whoever *opened* the node; the open file is the right).
 * ``/dev/vtpmN``
 *	The raw node of a device: physical handles, one opener at a time.
 * ``/dev/vtpmrmN``
 *	The shared node of a device: many openers, kept apart by the engine.
 * ``/dev/tpmM``, ``/dev/tpmrmM``
 *	The nodes that the kernel's TPM core makes for a chip.
 */

/**
 * DOC: rules of every VTPM_IOC call
 *
 * The argument points to a structure whose first two members are ``size``
 * (bytes of the structure as the caller knows it) and ``flags``. A caller built
 * against an older header passes a shorter structure and gets back no more
 * than it; a caller built against a newer one passes a longer structure, which
 * is taken when every byte unknown here is zero.
 *
 * Common to all:
 *
 * - ENOTTY: the file does not know this call.
 * - EINVAL: ``size`` is below that of the first version; a name is empty, not
 *   terminated, or has a character outside ``A-Z a-z 0-9 . _ -`` or begins with
 *   ``.`` or ``-``; a reserved member is not zero; a value is out of range.
 * - E2BIG: ``size`` is larger than known here and an unknown byte is not zero, or
 *   larger than 4096.
 * - EOPNOTSUPP: an unknown bit in ``flags``.
 * - EFAULT: a pointer leads nowhere. Nothing has changed, except where said.
 * - EPERM: the control node was opened without CAP_SYS_ADMIN; on a client's file,
 *   the caller is without it.
 * - ENOMEM: no memory; nothing has changed.
 */

/**
 * define VTPM_NAME_SIZE - bytes of a device name, its ending NUL included
 */
#define VTPM_NAME_SIZE 64

/**
 * define VTPM_COMMAND_SIZE - largest command, and largest response, in bytes
 *
 * The TPM core's own buffer (TPM_BUFSIZE) and libtpms' TPM_BUFFER_MAX.
 */
#define VTPM_COMMAND_SIZE 4096

#define VTPM_IOC_TYPE 0xa1

enum {
	VTPM_CMD_CREATE = 0x40,
	VTPM_CMD_DESTROY,
	VTPM_CMD_ATTACH,
	VTPM_CMD_DETACH,
	VTPM_CMD_INFO,
	VTPM_CMD_LIST,
	VTPM_CMD_TELL,
	VTPM_CMD_EXCHANGE = 0x50,
	VTPM_CMD_WAKE,
	VTPM_CMD_ABANDONED,
	VTPM_CMD_LOCALITY = 0x60,
	VTPM_CMD_ASK,
	VTPM_CMD_PROOF,
};

/**
 * enum vtpm_front_end - what clients of a device see
 * @VTPM_FRONT_END_DEVICE: /dev/vtpmN and /dev/vtpmrmN, unknown to the kernel's
 *	TPM core: never the host's default chip, never a hwrng, never IMA's.
 * @VTPM_FRONT_END_CHIP: a chip of the kernel's TPM core: /dev/tpmM and
 *	/dev/tpmrmM, for in-kernel users and for what insists on these names.
 *	It is registered when a server first attaches.
 */
enum vtpm_front_end {
	VTPM_FRONT_END_DEVICE = 1,
	VTPM_FRONT_END_CHIP = 2,
};

/**
 * enum vtpm_create_flags - flags of VTPM_IOC_CREATE
 * @VTPM_CREATE_HWRNG: let the TPM core feed the kernel's random pool from this
 *	chip. Off by default: kernels from 6.2 on credit a hwrng with full entropy,
 *	and a hung engine would then block /dev/hwrng for everybody.
 * @VTPM_CREATE_ALLOW_DEFAULT: accept that, on a host without a hardware TPM,
 *	the chip becomes the system's default one.
 */
enum vtpm_create_flags {
	VTPM_CREATE_HWRNG = 1 << 0,
	VTPM_CREATE_ALLOW_DEFAULT = 1 << 1,
};

/**
 * struct vtpm_create - argument of VTPM_IOC_CREATE
 * @size: sizeof(struct vtpm_create)
 * @flags: &enum vtpm_create_flags, meant for a chip only
 * @name: name of the new device, unique on this host
 * @uuid: RFC 9562 UUID of the vTPM, unique on this host, not nil
 * @front_end: &enum vtpm_front_end
 * @uid: owner of the nodes, in the caller's user namespace; 0 for a chip
 * @gid: group of the nodes, in the caller's user namespace; 0 for a chip
 * @mode: permission bits of the nodes, 0 means 0600; 0 for a chip
 * @detached_ms: how long a request waits while no server is attached, in
 *	milliseconds, 1 to 3600000; 0 means 10000
 * @running_ms: least time a request may run in a server, in milliseconds,
 *	1 to 3600000; 0 means 30000. A command whose duration in the TPM core is
 *	longer has that time instead.
 * @index: out: N of /dev/vtpmN and /dev/vtpmrmN; 0xffffffff for a chip
 * @major: out: major number of both nodes; 0 for a chip
 * @minor: out: minor number of /dev/vtpmN; that of /dev/vtpmrmN is one more
 * @__reserved: 0
 *
 * Makes a device without a server. It lasts until VTPM_IOC_DESTROY, whatever
 * becomes of its servers, and holds the module in memory.
 *
 * Errors: EEXIST (name or UUID is taken), EINVAL (nil UUID, unknown front end,
 * mode outside 0777, uid or gid without a mapping, a flag that the front end
 * has no use for, a time out of range, a name that begins with ``proxy-``: those
 * are given to devices of VTPM_PROXY_IOC_NEW_DEV), ENXIO (a chip, no hardware TPM on this
 * host, and ALLOW_DEFAULT not given), ENOSPC (no free number), EDQUOT (the
 * owner has as many devices as allowed).
 */
struct vtpm_create {
	__u32 size;
	__u32 flags;
	char name[VTPM_NAME_SIZE];
	__u8 uuid[16];
	__u32 front_end;
	__u32 uid;
	__u32 gid;
	__u32 mode;
	__u32 detached_ms;
	__u32 running_ms;
	__u32 index;
	__u32 major;
	__u32 minor;
	__u32 __reserved;
};
#define VTPM_IOC_CREATE _IO(VTPM_IOC_TYPE, VTPM_CMD_CREATE)

/**
 * struct vtpm_destroy - argument of VTPM_IOC_DESTROY
 * @size: sizeof(struct vtpm_destroy)
 * @flags: 0
 * @name: name of the device
 *
 * Ends a device: its server is detached, every waiting client fails with
 * EPIPE, its nodes go. Succeeds within a second even when the server hangs.
 *
 * Errors: ENOENT (no device of that name).
 */
struct vtpm_destroy {
	__u32 size;
	__u32 flags;
	char name[VTPM_NAME_SIZE];
};
#define VTPM_IOC_DESTROY _IO(VTPM_IOC_TYPE, VTPM_CMD_DESTROY)

/**
 * enum vtpm_attach_flags - flags of VTPM_IOC_ATTACH
 * @VTPM_ATTACH_RESET: the TPM behind the device has lost its volatile state
 *	(or never had one). All requests fail with ECANCELED, every open client is
 *	announced anew by an OPEN frame, a chip is registered anew, and the device
 *	gets a new instance.
 * @VTPM_ATTACH_RESUME: the server has the state as of the last answer. Waiting
 *	clients notice nothing. @instance must be the device's.
 * @VTPM_ATTACH_JOURNALS: when this server dies, the request it has taken is kept
 *	and delivered to the next one with the same id and VTPM_FRAME_REDELIVERED.
 *	Without this flag that request fails with ECANCELED. Requests not yet
 *	taken wait in either case.
 * @VTPM_ATTACH_ASKS: this server wants frames of kind ASK. Without this flag what
 *	clients asked for by VTPM_IOC_ASK ends with EOPNOTSUPP.
 */
enum vtpm_attach_flags {
	VTPM_ATTACH_RESET = 1 << 0,
	VTPM_ATTACH_RESUME = 1 << 1,
	VTPM_ATTACH_JOURNALS = 1 << 2,
	VTPM_ATTACH_ASKS = 1 << 3,
};

/**
 * struct vtpm_attach - argument of VTPM_IOC_ATTACH
 * @size: sizeof(struct vtpm_attach)
 * @flags: &enum vtpm_attach_flags, exactly one of RESET and RESUME
 * @name: name of the device
 * @instance: in, with RESUME: the instance in which the state to resume was
 *	made. Out: random number of this life of the TPM, from RESET to RESET. A server
 *	keeps it with its state, so that state never resumes in another life.
 * @fd: out: the server's file, O_CLOEXEC, blocking
 * @__reserved: 0
 *
 * Makes the caller the device's server. A device has one server at a time.
 *
 * Errors: ENOENT (no device of that name), EBUSY (a server is attached: let it
 * end, or declare it dead by VTPM_IOC_DETACH), ESTALE (RESUME in another
 * instance: only RESET is left), EINVAL (neither or both of RESET and RESUME),
 * EMFILE, ENFILE. A device made by VTPM_PROXY_IOC_NEW_DEV answers EBUSY. @instance
 * and @fd of a call that failed mean nothing.
 */
struct vtpm_attach {
	__u32 size;
	__u32 flags;
	char name[VTPM_NAME_SIZE];
	__u64 instance;
	__s32 fd;
	__u32 __reserved;
};
#define VTPM_IOC_ATTACH _IO(VTPM_IOC_TYPE, VTPM_CMD_ATTACH)

/**
 * struct vtpm_detach - argument of VTPM_IOC_DETACH
 * @size: sizeof(struct vtpm_detach)
 * @flags: 0
 * @name: name of the device
 *
 * Declares the attached server dead, as closing the last copy of its file
 * does. Every later answer, fetch and wake on that file fails with EPIPE. For a
 * device made by VTPM_PROXY_IOC_NEW_DEV it ends the device. A process that is declared dead may
 * still run: end it before another one gets the state it writes to.
 *
 * Errors: ENOENT (no device of that name), ENOTCONN (no server is attached).
 */
struct vtpm_detach {
	__u32 size;
	__u32 flags;
	char name[VTPM_NAME_SIZE];
};
#define VTPM_IOC_DETACH _IO(VTPM_IOC_TYPE, VTPM_CMD_DETACH)

/**
 * enum vtpm_state - state of a device
 * @VTPM_STATE_NEW: no server has attached yet
 * @VTPM_STATE_ATTACHED: a server is attached
 * @VTPM_STATE_DETACHED: the last server is gone, clients wait for the next
 */
enum vtpm_state {
	VTPM_STATE_NEW = 1,
	VTPM_STATE_ATTACHED = 2,
	VTPM_STATE_DETACHED = 3,
};

/**
 * define VTPM_INFO_PROXY - the device was made by VTPM_PROXY_IOC_NEW_DEV
 */
#define VTPM_INFO_PROXY (1u << 31)

/**
 * struct vtpm_info - argument of VTPM_IOC_INFO
 * @size: sizeof(struct vtpm_info)
 * @flags: in: 0
 * @name: name of the device
 * @uuid: out: as created; nil for a device of VTPM_PROXY_IOC_NEW_DEV
 * @front_end: out: &enum vtpm_front_end
 * @create_flags: out: &enum vtpm_create_flags, and VTPM_INFO_PROXY
 * @state: out: &enum vtpm_state
 * @attach_flags: out: of the attached server, or 0
 * @index: out: N of /dev/vtpmN, 0xffffffff for a chip
 * @major: out: major number of the nodes, 0 for a chip
 * @minor: out: minor number of /dev/vtpmN, 0 for a chip
 * @chip: out: M of /dev/tpmM, or -1 where none is registered
 * @uid: out: owner of the nodes, in the caller's user namespace
 * @gid: out: group of the nodes, in the caller's user namespace
 * @mode: out: permission bits of the nodes
 * @server_pid: out: process that attached, in the caller's pid namespace, or 0
 * @detached_ms: out: in force
 * @running_ms: out: in force
 * @clients: out: open files of both nodes
 * @queued: out: requests that wait for the server
 * @instance: out: of the present life, 0 before the first attach
 * @commands: out: commands answered since creation
 * @redelivered: out: requests delivered again after a server's death
 * @poisoned: out: requests that were taken at two deaths
 * @lost: out: requests failed by a server's death, a reset or a time limit
 * @cancelled: out: requests removed or abandoned by their client
 * @refused: out: answers refused because they were late, unknown or malformed
 * @deaths: out: servers that detached
 *
 * Errors: ENOENT (no device of that name).
 */
struct vtpm_info {
	__u32 size;
	__u32 flags;
	char name[VTPM_NAME_SIZE];
	__u8 uuid[16];
	__u32 front_end;
	__u32 create_flags;
	__u32 state;
	__u32 attach_flags;
	__u32 index;
	__u32 major;
	__u32 minor;
	__s32 chip;
	__u32 uid;
	__u32 gid;
	__u32 mode;
	__u32 server_pid;
	__u32 detached_ms;
	__u32 running_ms;
	__u32 clients;
	__u32 queued;
	__u64 instance;
	__u64 commands;
	__u64 redelivered;
	__u64 poisoned;
	__u64 lost;
	__u64 cancelled;
	__u64 refused;
	__u64 deaths;
};
#define VTPM_IOC_INFO _IO(VTPM_IOC_TYPE, VTPM_CMD_INFO)

/**
 * struct vtpm_list_entry - one device in the answer of VTPM_IOC_LIST
 * @serial: number of the device, growing with each creation, never reused
 * @name: its name
 * @uuid: its UUID, nil for a device of VTPM_PROXY_IOC_NEW_DEV
 */
struct vtpm_list_entry {
	__u64 serial;
	char name[VTPM_NAME_SIZE];
	__u8 uuid[16];
};

/**
 * struct vtpm_list - argument of VTPM_IOC_LIST
 * @size: sizeof(struct vtpm_list)
 * @flags: 0
 * @cursor: in: devices with a larger serial are listed, 0 for all. Out: serial
 *	of the last one listed; pass it back to go on.
 * @entries: address of an array of &struct vtpm_list_entry
 * @count: in: entries there is room for, 1 to 65536. Out: entries written; fewer
 *	than asked for means the end.
 * @__reserved: 0
 *
 * Lists devices in order of creation.
 */
struct vtpm_list {
	__u32 size;
	__u32 flags;
	__u64 cursor;
	__u64 entries;
	__u32 count;
	__u32 __reserved;
};
#define VTPM_IOC_LIST _IO(VTPM_IOC_TYPE, VTPM_CMD_LIST)

/**
 * DOC: the server's file
 *
 * The file that VTPM_IOC_ATTACH returns. A server fetches one frame at a time
 * and answers it before it can fetch the next one: read() fetches, write() answers,
 * and VTPM_IOC_EXCHANGE does both in one call and sleeps in between. poll()
 * says POLLIN when a frame can be fetched, POLLOUT while a request waits for the
 * server's answer, POLLHUP when the server was declared dead or the device is gone.
 *
 * Frames of kind COMMAND, OPEN, CLOSE and ASK are requests: they have an id and want
 * an answer (that of OPEN, CLOSE and ASK is empty). WAKE has no id and wants none.
 *
 * ASK hands a client's question to the server, which answers the frame at once and lets
 * whoever holds the control node know: the proof itself comes by VTPM_IOC_TELL. So nobody's
 * commands wait for a proof. An errno in the answer ends the client's wait with it.
 *
 * A request is *abandoned* when its client no longer waits for it: it was killed, it
 * closed the file, its request was cancelled, or its time was over. The answer will be
 * refused with ESTALE. A server that is busy with such a request may stop: where it
 * has asked for SIGIO (F_SETOWN and O_ASYNC of fcntl(2)), the signal is sent when the
 * request it has taken becomes abandoned, and for nothing else. A signal may come late,
 * when the next request is running already; VTPM_IOC_ABANDONED says which one was meant.
 *
 * A server without VTPM_ATTACH_JOURNALS sees OPEN, CLOSE and ASK again after an
 * earlier server's death too: the first two name a client id, ASK the id of a question, and
 * repeating them is harmless.
 *
 * The file of VTPM_PROXY_IOC_NEW_DEV speaks the bare framing instead: read() gives
 * a TPM command and nothing else, write() takes a TPM response and nothing
 * else, locality changes come as mainline's vendor command 0x20001000.
 */

/**
 * enum vtpm_frame_kind - what a frame says
 * @VTPM_FRAME_COMMAND: a TPM command follows; answer with a TPM response
 * @VTPM_FRAME_OPEN: a client has opened a node; &struct vtpm_opener follows
 * @VTPM_FRAME_CLOSE: a client is gone; nothing follows
 * @VTPM_FRAME_WAKE: somebody called VTPM_IOC_WAKE; nothing follows, no answer
 * @VTPM_FRAME_ASK: a client wants a proof; &struct vtpm_question (<linux/vtpm_ask.h>)
 *	follows. Only for a server that attached with VTPM_ATTACH_ASKS
 *
 * Kinds added later are sent only to a server that asked for them when it attached.
 */
enum vtpm_frame_kind {
	VTPM_FRAME_COMMAND = 1,
	VTPM_FRAME_OPEN = 2,
	VTPM_FRAME_CLOSE = 3,
	VTPM_FRAME_WAKE = 4,
	VTPM_FRAME_ASK = 5,
};

/**
 * enum vtpm_frame_flags - what a server must know of a frame
 * @VTPM_FRAME_REDELIVERED: an earlier server took this request and died before
 *	it answered. If the state says that the request with this id was executed,
 *	answer from the state; otherwise execute it.
 * @VTPM_FRAME_POISONED: two servers died with this request, or were declared dead
 *	with it. If the state says it was executed, answer from the state; otherwise
 *	do not execute it and answer TPM_RC_FAILURE (Part 2, 6.6.3).
 *
 * A COMMAND is redelivered only if the server that died had said
 * VTPM_ATTACH_JOURNALS. A bit not listed here may be ignored.
 */
enum vtpm_frame_flags {
	VTPM_FRAME_REDELIVERED = 1 << 0,
	VTPM_FRAME_POISONED = 1 << 1,
};

/**
 * enum vtpm_node - through which node a request came
 * @VTPM_NODE_NONE: through none (WAKE)
 * @VTPM_NODE_RAW: /dev/vtpmN
 * @VTPM_NODE_RM: /dev/vtpmrmN
 * @VTPM_NODE_CHIP: the kernel's TPM core, always as client 0
 */
enum vtpm_node {
	VTPM_NODE_NONE = 0,
	VTPM_NODE_RAW = 1,
	VTPM_NODE_RM = 2,
	VTPM_NODE_CHIP = 3,
};

/**
 * struct vtpm_frame - head of what a server fetches
 * @size: bytes of the frame, this head included
 * @kind: &enum vtpm_frame_kind
 * @node: &enum vtpm_node
 * @locality: TPM locality of the command, 0 to 4
 * @flags: &enum vtpm_frame_flags
 * @__reserved: 0
 * @id: of the request, never used twice by the device, never 0; 0 for WAKE
 * @client: of the request, never reused by the device; 0 for a chip and WAKE
 */
struct vtpm_frame {
	__u32 size;
	__u16 kind;
	__u8 node;
	__u8 locality;
	__u32 flags;
	__u32 __reserved;
	__u64 id;
	__u64 client;
};

/**
 * define VTPM_FRAME_SIZE - room that any frame fits in, in bytes
 */
#define VTPM_FRAME_SIZE (sizeof(struct vtpm_frame) + VTPM_COMMAND_SIZE)

/**
 * struct vtpm_opener - who opened a node; follows the head of an OPEN frame
 * @pid: process, in the pid namespace of the server that fetches; 0 if not
 *	visible there
 * @uid: effective user at the open, in the fetching server's user namespace
 * @gid: effective group at the open, in the fetching server's user namespace
 * @exe_major: major number of the device that holds the opener's executable
 * @exe_minor: minor number of that device
 * @__reserved: 0
 * @start_time: start of the process, in nanoseconds since boot
 * @cgroup: id of the process's cgroup (version 2), 0 if there is none
 * @exe_inode: inode of the opener's executable, 0 if it has none
 *
 * Taken at open() and kept: who is given an open file acts as its opener. An id
 * without a mapping shows as the overflow id.
 */
struct vtpm_opener {
	__u32 pid;
	__u32 uid;
	__u32 gid;
	__u32 exe_major;
	__u32 exe_minor;
	__u32 __reserved;
	__u64 start_time;
	__u64 cgroup;
	__u64 exe_inode;
};

/**
 * struct vtpm_answer - head of what a server answers
 * @size: bytes of the answer, this head included
 * @error: 0: a TPM response follows (nothing follows to OPEN, CLOSE and ASK). Otherwise
 *	nothing follows and the client's call fails with this errno, one of EINVAL,
 *	EPERM, EBUSY, ENOMEM, EIO, ECANCELED and ETIME.
 * @id: of the request that is answered
 *
 * A TPM response has at least 10 bytes, and the size in its head is the number
 * of bytes that follow.
 */
struct vtpm_answer {
	__u32 size;
	__u32 error;
	__u64 id;
};

/**
 * define VTPM_ANSWER_SIZE - room that any answer fits in, in bytes
 */
#define VTPM_ANSWER_SIZE (sizeof(struct vtpm_answer) + VTPM_COMMAND_SIZE)

/**
 * struct vtpm_exchange - argument of VTPM_IOC_EXCHANGE
 * @size: sizeof(struct vtpm_exchange)
 * @flags: 0
 * @answer: address of a &struct vtpm_answer and its response, 0 for none
 * @frame: address where a &struct vtpm_frame goes, 0 to fetch none
 * @answer_size: bytes at @answer, 0 for none
 * @frame_size: bytes at @frame, VTPM_FRAME_SIZE or more, 0 to fetch none
 *
 * Answers the running request, then waits for the next frame and fetches it.
 * Returns the bytes of the frame fetched, 0 where none was asked for.
 *
 * The answer comes first. When it is refused nothing is fetched. When the call
 * fails later (EAGAIN, EINTR, EFAULT of @frame) the answer has been taken: call
 * again without it.
 *
 * Errors: EPIPE (this server was declared dead, or the device is gone), ESTALE
 * (the request is unknown, or its client no longer waits for it: go on
 * without), EINVAL (malformed answer, or a frame_size below VTPM_FRAME_SIZE: in both
 * cases no answer was taken and the request stays with the server), EAGAIN
 * (O_NONBLOCK and no frame is there), EINTR (a signal while waiting), ENOTTY (the
 * file speaks the bare framing).
 *
 * read() and write() have the same errors; a frame whose copying fails with
 * EFAULT is fetched again by the next call.
 */
struct vtpm_exchange {
	__u32 size;
	__u32 flags;
	__u64 answer;
	__u64 frame;
	__u32 answer_size;
	__u32 frame_size;
};
#define VTPM_IOC_EXCHANGE _IO(VTPM_IOC_TYPE, VTPM_CMD_EXCHANGE)

/**
 * define VTPM_IOC_WAKE - make the server's next fetch return a WAKE frame
 *
 * Takes no argument. For whoever holds a copy of the server's file. Sticky: it is
 * kept until fetched, goes ahead of all requests, and two calls may
 * merge into one frame.
 *
 * Errors: EPIPE (the server was declared dead, or the device is gone), ENOTTY (the
 * file speaks the bare framing).
 */
#define VTPM_IOC_WAKE _IO(VTPM_IOC_TYPE, VTPM_CMD_WAKE)

/**
 * define VTPM_IOC_ABANDONED - is the request that this server has taken abandoned?
 *
 * Takes no argument and changes nothing; may be called by a signal handler. Returns 1
 * when the request is abandoned, which it stays until it is answered, and 0 when its
 * client waits or no request is taken. A server that asks between fetching and
 * answering asks about that very request.
 *
 * Errors: EPIPE (the server was declared dead, or the device is gone), ENOTTY (the
 * file speaks the bare framing).
 */
#define VTPM_IOC_ABANDONED _IO(VTPM_IOC_TYPE, VTPM_CMD_ABANDONED)

/**
 * DOC: the client's file
 *
 * /dev/vtpmN and /dev/vtpmrmN behave as /dev/tpm0 does. write() takes one TPM
 * command, read() gives its response, in pieces if asked so; what was read is
 * wiped. On a blocking file write() sleeps until the response is there; on an
 * O_NONBLOCK file it returns at once, poll() says POLLIN when the response is
 * there, and read() says EAGAIN until then. read() with nothing asked returns 0.
 * poll() says POLLOUT when a command can be written, POLLHUP when the device
 * is gone. A response not read within 120 seconds (module parameter ``unread_ms``) is
 * dropped, and read() says 0 then; so is an errno that an O_NONBLOCK file keeps.
 *
 * open(): EBUSY (the raw node is open already), ENFILE (the device has as many
 * clients as allowed), EDQUOT (the user has as many open files as allowed), ENODEV
 * (the device is gone), ENOMEM.
 *
 * write(): E2BIG (more than VTPM_COMMAND_SIZE bytes), EINVAL (fewer bytes than
 * the command's head or than the size it states), ENODATA (stated size 0), EPERM
 * (mainline's locality command), EBUSY (the last response has not been read, or its
 * command still runs), EINTR (a signal before the server took it: nothing ran; a
 * fatal one later: the command may run, its response is dropped), ETIME (no
 * server within detached_ms, or no answer within running_ms), ECANCELED (the server
 * died with it, its TPM was reset, or somebody wrote to the raw node's ``cancel`` in
 * sysfs), EPIPE (the device is gone), EFAULT (the command leads nowhere), ENOMEM, or
 * the errno the server answered with. On an O_NONBLOCK file the errors of a command
 * that was accepted come from read(), and EAGAIN from write() means that another
 * thread is in a call on the same file.
 */

/**
 * struct vtpm_locality - argument of VTPM_IOC_LOCALITY
 * @size: sizeof(struct vtpm_locality)
 * @flags: 0
 * @locality: 0 to 4
 * @__reserved: 0
 *
 * On a client's file, /dev/vtpmN or /dev/vtpmrmN: sets the locality of every later
 * command written to this open file, whoever writes it. A file is opened with
 * locality 0. Platform firmware and the root of trust for measurement speak in
 * higher ones (Part 1, "Locality"), so the caller needs CAP_SYS_ADMIN in the initial
 * user namespace, at the call; a file that is passed on keeps what was set.
 *
 * Errors: EINVAL (locality above 4), EPERM (the caller is without CAP_SYS_ADMIN), EBUSY (a
 * command of this file still runs or waits). As with write(), EINTR (a signal) and on
 * an O_NONBLOCK file EAGAIN say that another thread is in a call on the same file.
 */
struct vtpm_locality {
	__u32 size;
	__u32 flags;
	__u32 locality;
	__u32 __reserved;
};
#define VTPM_IOC_LOCALITY _IO(VTPM_IOC_TYPE, VTPM_CMD_LOCALITY)

#endif /* _UAPI_LINUX_VTPM_H */
