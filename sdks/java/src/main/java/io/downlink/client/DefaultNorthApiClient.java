package io.downlink.client;

/**
 * The client of services that are made without one.
 */
public final class DefaultNorthApiClient {
    private static volatile NorthApiClient defaultApiClient = new NorthApiClient();

    private DefaultNorthApiClient() {
    }

    /**
     * The client of services that are made without one.
     *
     * @return never null; without client information until somebody sets it
     */
    public static NorthApiClient getDefaultApiClient() {
        return defaultApiClient;
    }

    /**
     * Makes this the client of services that are made without one from now on.
     *
     * @param northApiClient the client
     */
    public static void setDefaultApiClient(NorthApiClient northApiClient) {
        if (northApiClient == null) {
            throw new IllegalArgumentException("the default client cannot be null");
        }
        defaultApiClient = northApiClient;
    }
}
