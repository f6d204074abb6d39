package io.downlink.constant;

/**
 * The client's own errors: what {@code getError_code()} says when no answer of the platform says it.
 */
public enum ExceptionEnum {
    /** Never thrown; the name is kept. */
    CLIENT_INTERNAL_ERROR("1001", "client internal error."),

    /** {@code invokeAPI} was given a method that is not one of GET, POST, PUT and DELETE. */
    CLIENT_INVALID_METHOD("1002", "the method is not one of GET, POST, PUT and DELETE."),

    /** The request was not carried: the platform cannot be reached, its certificate is not trusted, or the address is wrong. */
    CLIENT_BEFORE_INVOK_ERROR("1003", "the request was not carried to the platform."),

    /** The request may have been carried out, and its answer did not come or cannot be read. */
    CLIENT_AFTER_INVOK_ERROR("1004", "the request was sent, and its answer did not come or cannot be read."),

    /** A status of 300 or more, with JSON that has no {@code error_code}. */
    CLIENT_ERROR_BUT_NO_ERRORCODE("1005", "the answer is an error without an error_code."),

    /** A key store of the SSL configuration is missing or cannot be read. */
    CLIENT_SSL_CONFIG_ERROR("1006", "the SSL configuration cannot be used."),

    /** An argument is missing: a request, an id that stands in the address, or a member of the SSL configuration. */
    CLIENT_INPUT_PARAMETER_INVALID("1007", "an argument is missing or invalid."),

    /** A member of the client information is missing. */
    CLIENT_INFO_ERROR("1008", "the client information is missing or invalid."),

    /** The access token is empty, or null while no refresh timer keeps one. */
    CLIENT_INPUT_ACCESSTOKEN_INVALID("1009", "the access token is missing: give one, or start the refresh timer."),

    /** The application's id or its secret has a blank in it. */
    APPID_SECRET_INCLUDE_SPACE("1010", "the appId or the secret contains a blank."),

    /** A status of 300 or more whose body is no JSON: the port may be another service's. */
    PORT_ERROR("1011", "the answer is no JSON: is the port right?"),

    /** A 403 without {@code error_code}: what the gateway of the old platform sent. */
    ADMINISTRATOR_ERROR("1012", "the gateway refused the request."),

    /** The end of the list; never thrown. */
    CLIENT_EXC_END("1000", "end of the client's errors.");

    private final String errorCode;
    private final String errorDesc;

    ExceptionEnum(String errorCode, String errorDesc) {
        this.errorCode = errorCode;
        this.errorDesc = errorDesc;
    }

    /**
     * The code.
     *
     * @return four digits
     */
    public String getErrorCode() {
        return errorCode;
    }

    /**
     * What it means.
     *
     * @return a sentence
     */
    public String getErrorDesc() {
        return errorDesc;
    }
}
