package io.downlink.client;

/**
 * What all services have in common: the client that they call the platform with.
 */
public abstract class ClientService {
    private volatile NorthApiClient northApiClient;

    /**
     * Uses the default client.
     */
    protected ClientService() {
        this(DefaultNorthApiClient.getDefaultApiClient());
    }

    /**
     * Uses this client.
     *
     * @param northApiClient whom to call, and as whom
     */
    protected ClientService(NorthApiClient northApiClient) {
        this.northApiClient = northApiClient;
    }

    /**
     * The client that is used.
     *
     * @return the client
     */
    public NorthApiClient getNorthApiClient() {
        return northApiClient;
    }

    /**
     * Uses this client from now on.
     *
     * @param northApiClient whom to call, and as whom
     */
    public void setNorthApiClient(NorthApiClient northApiClient) {
        this.northApiClient = northApiClient;
    }

    /**
     * Begins a call.
     *
     * @param operation which
     * @return the request, to be filled and sent
     */
    protected final Request request(Operation operation) {
        return new Request(northApiClient, operation);
    }
}
