#include "link.h"

int main(void) {
    link_serve();
}
