// SPDX-License-Identifier: GPL-2.0-only
/*
 * The files servers hold: requests go out, answers come in.
 *
 * Framed files (VTPM_IOC_ATTACH) carry struct vtpm_frame and struct vtpm_answer by
 * read(), write() and VTPM_IOC_EXCHANGE. Bare files (VTPM_PROXY_IOC_NEW_DEV) carry
 * TPM commands and responses and nothing else, as tpm_vtpm_proxy's do.
 *
 * A server is a token in the device's queue while it is attached. Once detached,
 * declared dead or not, its calls end with EPIPE; the file stays. Closing the
 * last copy of the file detaches, and ends a device of VTPM_PROXY_IOC_NEW_DEV.
 *
 * The file sends SIGIO where it was asked to (fcntl(2), O_ASYNC) when the running
 * request is abandoned, so that a server that is busy with it can stop.
 *
 * User memory is only touched outside the queue, through the two bounce buffers
 * below: a server whose memory faults for ever stops itself and nobody else.
 * Locks: fetching and answering are never held together by one call's two
 * halves, and never while waiting for a frame.
 */
#include <linux/anon_inodes.h>
#include <linux/errno.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/tpm.h>
#include <linux/uaccess.h>

#include "argument.h"
#include "compat.h"
#include "server.h"

/**
 * struct vtpm_server - one server's file
 * @device: holds a reference
 * @bare: speaks the bare framing
 * @async: whom to send SIGIO, if anybody
 * @fetching: protects @frame
 * @answering: protects @answer
 * @frame: on its way out
 * @answer: on its way in
 */
struct vtpm_server {
	struct vtpm_device *device;
	bool bare;
	struct fasync_struct *async;
	struct mutex fetching;
	struct mutex answering;
	struct {
		struct vtpm_frame head;
		u8 payload[VTPM_COMMAND_SIZE];
	} frame;
	struct {
		struct vtpm_answer head;
		u8 response[VTPM_COMMAND_SIZE];
	} answer;
};

/* Fetch one frame and copy it out; -EAGAIN when there is none. */
static ssize_t fetch(struct vtpm_server *server, char __user *buf, size_t size)
{
	struct vtpm_queue *queue = &server->device->queue;
	size_t skip = server->bare ? sizeof(server->frame.head) : 0;
	int taken, rc;

	if (mutex_lock_interruptible(&server->fetching))
		return -EINTR;
	taken = vtpm_queue_take(queue, server, &server->frame.head, server->frame.payload);
	if (taken < 0) {
		mutex_unlock(&server->fetching);
		return taken;
	}
	rc = taken - skip;
	if (rc > size)
		rc = -EIO;
	else if (copy_to_user(buf, (u8 *)&server->frame + skip, rc))
		rc = -EFAULT;
	if (rc < 0)
		vtpm_queue_untake(queue, server, server->frame.head.id);
	memzero_explicit(&server->frame, taken);
	mutex_unlock(&server->fetching);
	return rc;
}

static ssize_t fetch_or_wait(struct vtpm_server *server, char __user *buf, size_t size,
			     bool nonblock)
{
	struct vtpm_queue *queue = &server->device->queue;
	ssize_t rc;

	for (;;) {
		rc = fetch(server, buf, size);
		if (rc != -EAGAIN || nonblock)
			return rc;
		/* Never restarted: a restarted exchange would answer twice. */
		if (wait_event_state(queue->server_wait, vtpm_queue_ready(queue, server),
				     VTPM_INTERRUPTIBLE))
			return -EINTR;
	}
}

/* Which errno may a server give a client? */
static bool is_answerable(u32 error)
{
	switch (error) {
	case EINVAL:
	case EPERM:
	case EBUSY:
	case ENOMEM:
	case EIO:
	case ECANCELED:
	case ETIME:
		return true;
	}
	return false;
}

static bool is_response(const u8 *response, size_t size)
{
	const struct tpm_header *header = (const struct tpm_header *)response;

	return size >= sizeof(*header) && be32_to_cpu(header->length) == size;
}

static int check_answer(const struct vtpm_answer *head, const u8 *response, size_t size)
{
	if (head->size != size + sizeof(*head))
		return -EINVAL;
	if (head->error)
		return size || !is_answerable(head->error) ? -EINVAL : 0;
	return !size || is_response(response, size) ? 0 : -EINVAL;
}

static int answer_framed(struct vtpm_server *server, const char __user *buf, size_t size)
{
	struct vtpm_queue *queue = &server->device->queue;
	const struct vtpm_answer *head = &server->answer.head;
	size_t body = size - sizeof(*head);
	int rc;

	if (size < sizeof(*head) || size > VTPM_ANSWER_SIZE)
		return vtpm_queue_refuse(queue, server, -EINVAL);

	/* Not for a signal that can be survived: EINTR says that the answer was taken. */
	if (mutex_lock_killable(&server->answering))
		return -EINTR;
	if (copy_from_user(&server->answer, buf, size)) {
		rc = -EFAULT;
	} else {
		rc = check_answer(head, server->answer.response, body);
		if (!rc && !head->id)
			rc = -ESTALE;
		if (rc)
			rc = vtpm_queue_refuse(queue, server, rc);
	}
	if (!rc)
		rc = vtpm_queue_answer(queue, server, head->id, -(int)head->error,
				       server->answer.response, body);
	memzero_explicit(&server->answer, size);
	mutex_unlock(&server->answering);
	return rc;
}

/* Mainline's errors: EIO for what is too large or not asked for. */
static int answer_bare(struct vtpm_server *server, const char __user *buf, size_t size)
{
	struct vtpm_queue *queue = &server->device->queue;
	u8 *response = server->answer.response;
	int rc;

	if (size > VTPM_COMMAND_SIZE)
		return -EIO;

	if (mutex_lock_killable(&server->answering))
		return -EINTR;
	if (copy_from_user(response, buf, size))
		rc = -EFAULT;
	else if (is_response(response, size))
		rc = vtpm_queue_answer(queue, server, 0, 0, response, size);
	else
		rc = vtpm_queue_answer(queue, server, 0, -EFAULT, NULL, 0);
	memzero_explicit(response, size);
	mutex_unlock(&server->answering);
	return rc == -ESTALE ? -EIO : rc;
}

static ssize_t server_read(struct file *file, char __user *buf, size_t size, loff_t *pos)
{
	struct vtpm_server *server = file->private_data;

	if (!server->bare && size < VTPM_FRAME_SIZE)
		return -EINVAL;
	return fetch_or_wait(server, buf, size, file->f_flags & O_NONBLOCK);
}

static ssize_t server_write(struct file *file, const char __user *buf, size_t size, loff_t *pos)
{
	struct vtpm_server *server = file->private_data;
	int rc;

	rc = server->bare ? answer_bare(server, buf, size) : answer_framed(server, buf, size);
	return rc ?: size;
}

static long exchange(struct file *file, struct vtpm_exchange __user *arg)
{
	struct vtpm_server *server = file->private_data;
	struct vtpm_exchange x;
	int rc;

	rc = vtpm_argument_get(&x, sizeof(x), 32, 0, arg);
	if (rc < 0)
		return rc;
	if (!x.answer != !x.answer_size || !x.frame != !x.frame_size)
		return -EINVAL;
	if (x.frame && x.frame_size < VTPM_FRAME_SIZE)
		return -EINVAL;

	if (x.answer) {
		rc = answer_framed(server, u64_to_user_ptr(x.answer), x.answer_size);
		if (rc)
			return rc;
	}
	if (!x.frame)
		return 0;
	return fetch_or_wait(server, u64_to_user_ptr(x.frame), x.frame_size,
			     file->f_flags & O_NONBLOCK);
}

static long server_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct vtpm_server *server = file->private_data;

	if (server->bare)
		return -ENOTTY;
	switch (cmd) {
	case VTPM_IOC_EXCHANGE:
		return exchange(file, (struct vtpm_exchange __user *)arg);
	case VTPM_IOC_WAKE:
		return vtpm_queue_wake(&server->device->queue, server);
	case VTPM_IOC_ABANDONED:
		return vtpm_queue_abandoned(&server->device->queue, server);
	}
	return -ENOTTY;
}

static __poll_t server_poll(struct file *file, poll_table *wait)
{
	struct vtpm_server *server = file->private_data;
	struct vtpm_queue *queue = &server->device->queue;
	__poll_t mask = 0;

	poll_wait(file, &queue->server_wait, wait);
	spin_lock(&queue->lock);
	if (queue->server != server)
		mask |= EPOLLHUP;
	else if (queue->wake || (!queue->running && !list_empty(&queue->queued)))
		mask |= EPOLLIN | EPOLLRDNORM;
	if (queue->server == server && (server->bare || queue->running))
		mask |= EPOLLOUT | EPOLLWRNORM;
	spin_unlock(&queue->lock);
	return mask;
}

static int server_fasync(int fd, struct file *file, int on)
{
	struct vtpm_server *server = file->private_data;

	return fasync_helper(fd, file, on, &server->async);
}

/* Nobody waits any more for what the server runs: the only reason for SIGIO. */
static void abandoned(const void *token)
{
	struct vtpm_server *server = (struct vtpm_server *)token;

	kill_fasync(&server->async, SIGIO, POLL_PRI);
}

static int server_release(struct inode *inode, struct file *file)
{
	struct vtpm_server *server = file->private_data;
	struct vtpm_device *device = server->device;

	vtpm_device_detach(device, server);
	if (server->bare)
		vtpm_device_destroy(device);
	vtpm_device_put(device);
	mutex_destroy(&server->fetching);
	mutex_destroy(&server->answering);
	kfree_sensitive(server);
	return 0;
}

static const struct file_operations server_fops = {
	.owner = THIS_MODULE,
	.read = server_read,
	.write = server_write,
	.unlocked_ioctl = server_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.poll = server_poll,
	.fasync = server_fasync,
	.release = server_release,
};

/**
 * vtpm_server_new() - make a server's file, not attached yet
 * @device: of which the file takes a reference
 * @bare: speak the bare framing
 * @ret_file: the file, with one reference; its release ends the server, and with
 *	@bare the device
 *
 * Return: the server, owned by the file, or an ERR_PTR.
 */
struct vtpm_server *vtpm_server_new(struct vtpm_device *device, bool bare, struct file **ret_file)
{
	struct vtpm_server *server;
	struct file *file;

	server = kzalloc(sizeof(*server), GFP_KERNEL_ACCOUNT);
	if (!server)
		return ERR_PTR(-ENOMEM);

	file = anon_inode_getfile("[vtpm]", &server_fops, server, O_RDWR);
	if (IS_ERR(file)) {
		kfree(server);
		return ERR_CAST(file);
	}
	server->device = vtpm_device_ref(device);
	server->bare = bare;
	mutex_init(&server->fetching);
	mutex_init(&server->answering);
	*ret_file = file;
	return server;
}

/**
 * vtpm_server_attach() - let a server take requests
 * @server: from vtpm_server_new()
 * @flags: &enum vtpm_attach_flags, checked by the caller
 * @instance: see vtpm_device_attach()
 *
 * Return: as vtpm_device_attach().
 */
int vtpm_server_attach(struct vtpm_server *server, u32 flags, u64 instance)
{
	return vtpm_device_attach(server->device, server, abandoned, flags, instance);
}
