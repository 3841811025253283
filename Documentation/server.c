// SPDX-License-Identifier: BSD-3-Clause
/* A whole server: every command is answered TPM_RC_FAILURE (Part 2, 6.6.3). */
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>

#include <linux/vtpm.h>

static struct {
	struct vtpm_frame head;
	__u8 body[VTPM_COMMAND_SIZE];
} frame;

static struct {
	struct vtpm_answer head;
	__u8 response[VTPM_COMMAND_SIZE];
} answer;

static const __u8 failure[] = { 0x80, 0x01, 0, 0, 0, 10, 0, 0, 0x01, 0x01 };

int main(void)
{
	struct vtpm_attach attach = { .size = sizeof(attach), .flags = VTPM_ATTACH_RESET };
	struct vtpm_exchange exchange = { .size = sizeof(exchange) };
	int control = open("/dev/vtpmx", O_RDWR | O_CLOEXEC);

	snprintf(attach.name, sizeof(attach.name), "example");
	if (control < 0 || ioctl(control, VTPM_IOC_ATTACH, &attach)) {
		perror("attach");
		return 1;
	}
	exchange.frame = (__u64)(unsigned long)&frame;
	exchange.frame_size = sizeof(frame);
	while (ioctl(attach.fd, VTPM_IOC_EXCHANGE, &exchange) >= 0) {
		answer.head.size = sizeof(answer.head);
		answer.head.id = frame.head.id;
		if (frame.head.kind == VTPM_FRAME_COMMAND) {
			for (unsigned int i = 0; i < sizeof(failure); i++)
				answer.response[i] = failure[i];
			answer.head.size += sizeof(failure);
		}
		/* OPEN and CLOSE want an empty answer, WAKE none. */
		exchange.answer = frame.head.id ? (__u64)(unsigned long)&answer : 0;
		exchange.answer_size = frame.head.id ? answer.head.size : 0;
	}
	perror("exchange");
	return 1;
}
