// Starts the helper.
#include "entry.h"

int main(void) {
  return 0;
}
