// The other side of the codec: encodes requests, as the controller does.
#ifndef CRUN_TEST_TWIN_H
#define CRUN_TEST_TWIN_H

#include "codec.h"

void put_open_tree(struct buffer *out, const struct open_tree *request);
void put_observe(struct buffer *out, const struct observe *request);
void put_apply(struct buffer *out, const struct apply *request);
void put_exec(struct buffer *out, const struct exec_spec *spec);

#endif
