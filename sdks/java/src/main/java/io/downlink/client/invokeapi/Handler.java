package io.downlink.client.invokeapi;

import java.util.function.Consumer;

/** Who takes a message, and as what. */
final class Handler<T> {
    final Class<T> type;
    final Consumer<T> taker;

    Handler(Class<T> type, Consumer<T> taker) {
        this.type = type;
        this.taker = taker;
    }
}
