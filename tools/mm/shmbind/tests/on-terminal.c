// SPDX-License-Identifier: GPL-2.0
/*
 * on-terminal COLUMNS PROGRAM [ARG...] - Run a program whose terminal is that wide,
 * and copy what it prints there to stdout.
 */
#include <err.h>
#include <pty.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char *argv[])
{
	struct winsize size = { .ws_row = 24 };
	char text[4096];
	int terminal, status;
	ssize_t length;
	pid_t child;

	if (argc < 3)
		errx(2, "usage: on-terminal COLUMNS PROGRAM [ARG...]");
	size.ws_col = atoi(argv[1]);
	child = forkpty(&terminal, NULL, NULL, &size);
	if (child < 0)
		err(2, "forkpty");
	if (!child) {
		execvp(argv[2], argv + 2);
		err(2, "%s", argv[2]);
	}
	/* the end of the program is an error of the terminal */
	while ((length = read(terminal, text, sizeof(text))) > 0) {
		if (write(STDOUT_FILENO, text, length) != length)
			err(2, "write");
	}
	if (waitpid(child, &status, 0) != child || !WIFEXITED(status))
		return 2;
	return WEXITSTATUS(status);
}
