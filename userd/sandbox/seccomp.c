// SPDX-License-Identifier: BSD-3-Clause
/*
 * The allow-list: a table, a reason for each row, and death for the rest.
 *
 * A row may bind arguments, or refuse with an errno what must not be had but does
 * not deserve death either. What is not here is not needed: no open, no socket,
 * no clone, no execve, no ptrace, no signal to anybody, and no memory that is
 * both written and executed.
 */
#include "sandbox/sandbox.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif

/*
 * A sanitizer's runtime reads /proc and more when it reports. Test builds
 * with one log what the table lacks instead of dying of it.
 */
#ifdef SANITIZED
#define OTHERWISE SCMP_ACT_LOG
#else
#define OTHERWISE SCMP_ACT_KILL_PROCESS
#endif

enum need {
	ALWAYS,
	FOR_SOCKETS,
	FOR_ACCEPT,
	FOR_MESSAGES,
	FOR_FILE,
	FOR_SERVICE,
	FOR_ZYGOTE,
	FOR_CONNECTIONS,
};

struct row {
	int syscall;
	enum need need;
	const char *reason;
	struct scmp_arg_cmp argument;
	unsigned int arguments;
	uint32_t error; /* refuse with it; 0: allow */
};

#define FREE .arguments = 0
#define NO_EXEC                                                                                 \
	.argument = { .arg = 2, .op = SCMP_CMP_MASKED_EQ, .datum_a = PROT_EXEC, .datum_b = 0 }, \
	.arguments = 1
#define ON_STDERR                                                                            \
	.argument = { .arg = 0, .op = SCMP_CMP_EQ, .datum_a = STDERR_FILENO, .datum_b = 0 }, \
	.arguments = 1

#define PEER_ONLY                                                                          \
	.argument = { .arg = 2, .op = SCMP_CMP_EQ, .datum_a = SO_PEERCRED, .datum_b = 0 }, \
	.arguments = 1
#define ON_UNIX                                                                        \
	.argument = { .arg = 0, .op = SCMP_CMP_EQ, .datum_a = AF_UNIX, .datum_b = 0 }, \
	.arguments = 1
/* CLONE_NEW*: eight flags, of which CLONE_NEWTIME shares its bit with the signal */
#define NAMESPACES                                                                     \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | \
	 CLONE_NEWPID | CLONE_NEWNET)
#define NO_NAMESPACE                                                                             \
	.argument = { .arg = 0, .op = SCMP_CMP_MASKED_EQ, .datum_a = NAMESPACES, .datum_b = 0 }, \
	.arguments = 1

/* A sanitizer's runtime has better use for these than to be refused. */
#ifdef SANITIZED
#define REFUSED(e) OTHERWISE
#else
#define REFUSED(e) SCMP_ACT_ERRNO(e)
#endif

static const struct row rows[] = {
	{ SCMP_SYS(write), ALWAYS, "log lines", ON_STDERR },
	/* libtpms writes its lines with vdprintf(), which asks first and can do without */
	{ SCMP_SYS(newfstatat), ALWAYS, "stdio: how large a buffer", .error = ENOSYS },
	{ SCMP_SYS(fstat), ALWAYS, "the same, newer C libraries", .error = ENOSYS },
	{ SCMP_SYS(lseek), ALWAYS, "stdio", FREE },
	{ SCMP_SYS(exit_group), ALWAYS, "the end", FREE },
	{ SCMP_SYS(rt_sigreturn), ALWAYS, "back from the SIGTERM handler", FREE },
	{ SCMP_SYS(setitimer), ALWAYS, "the SIGTERM handler repeats itself", FREE },
	{ SCMP_SYS(restart_syscall), ALWAYS, "a stopped and continued process", FREE },
	{ SCMP_SYS(brk), ALWAYS, "malloc of libtpms and OpenSSL", FREE },
	{ SCMP_SYS(mmap), ALWAYS, "malloc, large pieces", NO_EXEC },
	{ SCMP_SYS(mremap), ALWAYS, "realloc, large pieces", FREE },
	{ SCMP_SYS(munmap), ALWAYS, "free, large pieces", FREE },
	{ SCMP_SYS(mprotect), ALWAYS, "malloc, arena growth", NO_EXEC },
	{ SCMP_SYS(madvise), ALWAYS, "free, giving pages back", FREE },
	{ SCMP_SYS(futex), ALWAYS, "OpenSSL's run-once and locks", FREE },
	{ SCMP_SYS(getpid), ALWAYS, "OpenSSL's generator looks for a fork", FREE },
	{ SCMP_SYS(getrandom), ALWAYS, "seeds: stir, manufacture, OpenSSL", FREE },
	{ SCMP_SYS(clock_gettime), ALWAYS, "the TPM's clock, where the vDSO cannot", FREE },
	{ SCMP_SYS(gettimeofday), ALWAYS, "the same", FREE },
	{ SCMP_SYS(close), ALWAYS, "a client's connection; descriptors at the end", FREE },

	{ SCMP_SYS(recvfrom), FOR_SOCKETS, "fetch a frame", FREE },
	{ SCMP_SYS(sendto), FOR_SOCKETS, "give an answer", FREE },
	{ SCMP_SYS(poll), FOR_SOCKETS, "wait for data and control socket", FREE },
	{ SCMP_SYS(sendmmsg), FOR_SOCKETS, "an answer leaves; so much is known of it", FREE },
	{ SCMP_SYS(recvmmsg), FOR_SOCKETS, "a command comes; so much is known of it", FREE },
	{ SCMP_SYS(fallocate), FOR_SOCKETS, "the end of what another engine sent", FREE },
	{ SCMP_SYS(recvmsg), FOR_MESSAGES, "configuration, data key, a commit's outcome", FREE },
	{ SCMP_SYS(sendmsg), FOR_MESSAGES, "commit, ask for the data key", FREE },
	{ SCMP_SYS(poll), FOR_MESSAGES, "wait for the data key, not for ever", FREE },
	{ SCMP_SYS(accept4), FOR_ACCEPT, "the next client", FREE },

	{ SCMP_SYS(pread64), FOR_FILE, "load the state", FREE },
	{ SCMP_SYS(pwritev), FOR_FILE, "commit the state", FREE },
	{ SCMP_SYS(fdatasync), FOR_FILE, "commit the state, durably", FREE },

	{ SCMP_SYS(epoll_wait), FOR_SERVICE, "sd-event: wait", FREE },
	{ SCMP_SYS(epoll_pwait), FOR_SERVICE, "the same, on other architectures", FREE },
	{ SCMP_SYS(epoll_pwait2), FOR_SERVICE, "the same, with nanoseconds", FREE },
	{ SCMP_SYS(epoll_ctl), FOR_SERVICE, "sd-event: peers that come and go", FREE },
	{ SCMP_SYS(timerfd_settime), FOR_SERVICE, "sd-event: the next deadline", FREE },
	{ SCMP_SYS(read), FOR_SERVICE, "sd-event's signals and deadlines; the stream", FREE },
	{ SCMP_SYS(sendto), FOR_SERVICE, "tell the service manager", FREE },
	{ SCMP_SYS(accept4), FOR_SERVICE, "the next peer", FREE },
	{ SCMP_SYS(getsockopt), FOR_SERVICE, "who the peer is", PEER_ONLY },
	{ SCMP_SYS(pread64), FOR_SERVICE, "load a file", FREE },
	{ SCMP_SYS(pwritev), FOR_SERVICE, "write a file", FREE },
	{ SCMP_SYS(fsync), FOR_SERVICE, "durably, with its directory", FREE },
	{ SCMP_SYS(clone), FOR_ZYGOTE, "fork, into no new namespace", NO_NAMESPACE },
	{ SCMP_SYS(set_robust_list), FOR_ZYGOTE, "the C library, in a child", FREE },
	{ SCMP_SYS(rseq), FOR_ZYGOTE, "the same", FREE },
	{ SCMP_SYS(gettid), FOR_ZYGOTE, "the same", FREE },
	{ SCMP_SYS(wait4), FOR_ZYGOTE, "how a child ended", FREE },
	{ SCMP_SYS(kill), FOR_ZYGOTE, "end a child", FREE },
	{ SCMP_SYS(read), FOR_ZYGOTE, "signals, from their descriptor", FREE },
	{ SCMP_SYS(memfd_create), FOR_ZYGOTE, "checkpoint memory", FREE },
	{ SCMP_SYS(ftruncate), FOR_ZYGOTE, "a child gives it its size", FREE },
	{ SCMP_SYS(socketpair), FOR_ZYGOTE, "a channel", ON_UNIX },
	{ SCMP_SYS(socket), FOR_ZYGOTE, "a child's connection to keyd", ON_UNIX },
	{ SCMP_SYS(connect), FOR_ZYGOTE, "the same", FREE },
	{ SCMP_SYS(setsockopt), FOR_ZYGOTE, "room for large packets", FREE },
	{ SCMP_SYS(getsockopt), FOR_ZYGOTE, "who connects; what kind a link is", FREE },
	{ SCMP_SYS(fcntl), FOR_ZYGOTE, "a child's descriptors, seals of its memory", FREE },
	{ SCMP_SYS(dup3), FOR_ZYGOTE, "put a child's descriptors in their places", FREE },
	{ SCMP_SYS(close_range), FOR_ZYGOTE, "close all others", FREE },
	{ SCMP_SYS(getppid), FOR_ZYGOTE, "did the zygote die meanwhile", FREE },
	{ SCMP_SYS(rt_sigaction), FOR_ZYGOTE, "a child's handlers", FREE },
	{ SCMP_SYS(rt_sigprocmask), FOR_ZYGOTE, "a child's mask; fork", FREE },
	{ SCMP_SYS(sched_setscheduler), FOR_ZYGOTE, "idle priority", FREE },
	{ SCMP_SYS(prctl), FOR_ZYGOTE, "name, death signal; a child's sandbox", FREE },
	{ SCMP_SYS(mlockall), FOR_ZYGOTE, "a child's sandbox", FREE },
	{ SCMP_SYS(mlock2), FOR_ZYGOTE, "the same", FREE },
	{ SCMP_SYS(munlockall), FOR_ZYGOTE, "the same", FREE },
	{ SCMP_SYS(prlimit64), FOR_ZYGOTE, "the same", FREE },
	{ SCMP_SYS(landlock_restrict_self), FOR_ZYGOTE, "the same", FREE },
	{ SCMP_SYS(seccomp), FOR_ZYGOTE, "the same", FREE },

	{ SCMP_SYS(socket), FOR_CONNECTIONS, "to a software TPM", ON_UNIX },
	{ SCMP_SYS(connect), FOR_CONNECTIONS, "the same", FREE },
	{ SCMP_SYS(write), FOR_CONNECTIONS, "a command to it", FREE },
};

static int needed(const struct row *row, const struct sandbox_profile *profile)
{
	switch (row->need) {
	case FOR_SOCKETS:
		return profile->sockets || profile->accepts;
	case FOR_ACCEPT:
		return profile->accepts;
	case FOR_MESSAGES:
		return profile->messages;
	case FOR_FILE:
		return profile->file;
	case FOR_SERVICE:
		return profile->service != NULL;
	case FOR_ZYGOTE:
		return profile->zygote;
	case FOR_CONNECTIONS:
		return profile->service && profile->service->connects;
	default:
		return 1;
	}
}

#define ON_FD(n, fd) SCMP_CMP(n, SCMP_CMP_EQ, (scmp_datum_t)(fd), 0)

/* What is bound to a descriptor of the service. */
static int fill_service(scmp_filter_ctx filter, const struct sandbox_service *service)
{
	int directory = service->directory_fd;
	int r;

	r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1, ON_FD(0, directory));
	if (!r)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(unlinkat), 1,
				     ON_FD(0, directory));
	if (!r)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(renameat), 2,
				     ON_FD(0, directory), ON_FD(2, directory));
	if (!r)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(renameat2), 2,
				     ON_FD(0, directory), ON_FD(2, directory));
	if (!r && service->stream_fd >= 0)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(write), 1,
				     ON_FD(0, service->stream_fd));
	return r;
}

static int allow_ioctl(scmp_filter_ctx filter, int fd, unsigned long request)
{
	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 2,
				SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)fd, 0),
				SCMP_A1(SCMP_CMP_EQ, request, 0));
}

static int fill(scmp_filter_ctx filter, const struct sandbox_profile *profile)
{
	int r = 0;

	for (size_t i = 0; !r && i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint32_t action = SCMP_ACT_ALLOW;

		if (!needed(&rows[i], profile))
			continue;
		/* A child looks at its descriptors before it enters a sandbox of its own. */
		if (rows[i].error && !profile->zygote)
			action = REFUSED(rows[i].error);
		if (action == OTHERWISE)
			continue;
		r = seccomp_rule_add_array(filter, action, rows[i].syscall, rows[i].arguments,
					   &rows[i].argument);
	}
	for (int i = 0; !r && profile->device_fd >= 0 && i < SANDBOX_IOCTLS; i++)
		if (profile->device_ioctl[i])
			r = allow_ioctl(filter, profile->device_fd, profile->device_ioctl[i]);
	if (!r && profile->service)
		r = fill_service(filter, profile->service);
	return r;
}

/* libseccomp gives a program to a descriptor only. */
static int export(scmp_filter_ctx filter, void **ret_filter, unsigned short *ret_length)
{
	_cleanup_(close_fdp) int fd = memfd_create("filter", MFD_CLOEXEC);
	struct stat status;
	void *program;
	int r;

	if (fd < 0)
		return -errno;
	r = seccomp_export_bpf(filter, fd);
	if (r)
		return r;
	if (fstat(fd, &status))
		return -errno;
	program = malloc((size_t)status.st_size);
	if (!program)
		return -ENOMEM;
	if (fd_pread_full(fd, program, (size_t)status.st_size, 0) != status.st_size) {
		free(program);
		return -EIO;
	}
	*ret_filter = program;
	*ret_length = (unsigned short)((size_t)status.st_size / sizeof(struct sock_filter));
	return 0;
}

int sandbox_filter(const struct sandbox_profile *profile, void **ret_filter,
		   unsigned short *ret_length)
{
	scmp_filter_ctx filter = seccomp_init(OTHERWISE);
	int r;

	if (!filter)
		return -ENOMEM;
	r = fill(filter, profile);
	if (!r)
		r = export(filter, ret_filter, ret_length);
	seccomp_release(filter);
	return r;
}

int sandbox_load(void *filter, unsigned short length)
{
	struct sock_fprog program = { .len = length, .filter = filter };

	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) ? -errno : 0;
}
