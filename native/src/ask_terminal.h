// Runs a program under a terminal that serves for its question for a password alone.
#ifndef CRUN_ASK_TERMINAL_H
#define CRUN_ASK_TERMINAL_H

// If the program was started as `--terminal COMMAND…`, runs the command and returns true with its exit status. Some programs that
// become another user (doas) read a password from nothing but their terminal. The command's streams are the caller's own; what it
// writes to its terminal goes to stderr, and when it asks there (echo is off) it gets the next line of stdin. Stdin is read
// byte by byte, and only then: all else of it is the command's.
_Bool ask_terminal_main(int count, char **arguments, int *exit_status);

#endif
