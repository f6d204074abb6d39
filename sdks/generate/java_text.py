"""The parts of generated Java classes that are the same whatever the document says."""

OPERATION_REST = """
    private final String id;
    private final String method;
    private final String path;
    private final boolean authenticated;
    private final boolean keyed;
    private final boolean repeatable;

    Operation(String id, String method, String path, boolean authenticated, boolean keyed, boolean repeatable) {
        this.id = id;
        this.method = method;
        this.path = path;
        this.authenticated = authenticated;
        this.keyed = keyed;
        this.repeatable = repeatable;
    }

    /**
     * Its name in the contract.
     *
     * @return the operation's id in {@code openapi.json}
     */
    public String id() {
        return id;
    }

    /**
     * The method of HTTP.
     *
     * @return {@code GET}, {@code POST}, {@code PUT} or {@code DELETE}
     */
    public String method() {
        return method;
    }

    /**
     * Its address on the platform.
     *
     * @return the path, with variables in braces
     */
    public String path() {
        return path;
    }

    /** Whether it takes a token. */
    boolean authenticated() {
        return authenticated;
    }

    /** Whether it takes an {@code Idempotency-Key}. */
    boolean keyed() {
        return keyed;
    }

    /** Whether it is the same when done twice. */
    boolean repeatable() {
        return repeatable;
    }
}
"""

TIMER = """
    /**
     * Logs in, and keeps the client's token fresh from now on; no effect when it is kept already. Calls with an {@code accessToken} of null
     * use it.
     *
     * <p>A renewal that fails is tried again, and the log says so: see {@link NorthApiClient#startRefreshTokenTimer}.
     *
     * @throws NorthApiException as {@link #getAuthToken}; the timer is off then
     */
    public void startRefreshTokenTimer() throws NorthApiException {
        getNorthApiClient().startRefreshTokenTimer();
    }

    /**
     * Ends the timer; calls need a token of their own from now on.
     */
    public void stopRefreshTokenTimer() {
        getNorthApiClient().stopRefreshTokenTimer();
    }
"""

ERROR_CODE_REST = """
    private final String number;
    private final String text;
    private final boolean retryable;
    private final boolean surelyHarmless;

    ErrorCode(String number, String text, boolean retryable, boolean surelyHarmless) {
        this.number = number;
        this.text = text;
        this.retryable = retryable;
        this.surelyHarmless = surelyHarmless;
    }

    /**
     * The code that goes by this number.
     *
     * @param number what {@code getError_code()} says
     * @return nothing for a number that the contract does not know, those of the client's own errors among them
     */
    public static Optional<ErrorCode> of(String number) {
        for (ErrorCode code : values()) {
            if (code.number.equals(number)) {
                return Optional.of(code);
            }
        }
        return Optional.empty();
    }

    /**
     * The code itself.
     *
     * @return its digits
     */
    public String number() {
        return number;
    }

    /**
     * What {@code getError_desc()} says; some operations have a wording of their own.
     *
     * @return the text
     */
    public String text() {
        return text;
    }

    /**
     * Whether the same request may succeed later.
     *
     * @return true if it may
     */
    public boolean isRetryable() {
        return retryable;
    }

    /**
     * Whether it is certain that nothing happened.
     *
     * @return true if it is
     */
    public boolean isSurelyHarmless() {
        return surelyHarmless;
    }
}
"""
